# SPDX-License-Identifier: Apache-2.0
# Reads a JUnit file of ctest whose outputs are those of cmocka, or of anything else. Prints
# "count PASSED FAILED SKIPPED" once, and "skip PRESET TEST" for each skipped test.

function attribute(name, text) {
    text = $0
    if (!sub("^.* " name "=\"", "", text))
        return ""
    sub("\".*", "", text)
    return text
}

function function_name(text) {
    text = $0
    sub(/^.*\] /, "", text)
    return text
}

/<testcase / {
    entry = attribute("name")
    has_run = attribute("status") == "run"
    is_skipped = 0
    ok = started = 0
    split("", bad)
    split("", left_out)
}

# ctest also calls a test skipped whose program is not there.
/<skipped message="SKIP_RETURN_CODE/ { is_skipped = 1 }

/\[ RUN      \]/ { started++ }
/\[       OK \]/ { ok++ }

# These lines come twice: when it happens and in cmocka's summary.
/\[  FAILED  \] [a-z]/ { bad[function_name()] = 1 }
/\[  SKIPPED \] [a-z]/ { left_out[function_name()] = 1 }

/<\/testcase>/ {
    entry_failed = entry_skipped = 0
    for (name in bad)
        entry_failed++
    for (name in left_out) {
        entry_skipped++
        print "skip", preset, entry ":" name
    }
    # A function that neither passed nor failed took the program down with it.
    if (started > ok + entry_failed + entry_skipped)
        entry_failed = started - ok - entry_skipped
    if (is_skipped && entry_skipped == 0) {
        entry_skipped = 1
        print "skip", preset, entry
    }
    if (!has_run && !is_skipped && entry_failed == 0)
        entry_failed = 1
    if (has_run && started == 0)
        ok = 1
    passed += ok
    failed += entry_failed
    skipped += entry_skipped
}

END { print "count", passed + 0, failed + 0, skipped + 0 }
