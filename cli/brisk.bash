# SPDX-License-Identifier: Apache-2.0
# Completion of brisk for bash: verbs, and each verb's options as it says them itself.
_brisk() {
    local word=${COMP_WORDS[COMP_CWORD]} words
    if [ "$COMP_CWORD" -eq 1 ]; then
        words=$(brisk --help=words 2> /dev/null)
    elif [ "${word#-}" != "$word" ]; then
        words=$(brisk "${COMP_WORDS[1]}" --help=words 2> /dev/null)
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        compopt -o filenames 2> /dev/null
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    case ${COMPREPLY[0]-} in
    *=) compopt -o nospace ;;
    esac
}
complete -F _brisk brisk
