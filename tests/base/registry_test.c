/* SPDX-License-Identifier: Apache-2.0 */
#include <brisk/registry.h>

#include <pthread.h>

#include "tests/support/brisk_test.h"

struct object {
    const char *text;
    _Atomic unsigned int described;
    _Atomic bool is_gone;
};

static enum brisk_status render(const char *text, char *buffer, size_t capacity, size_t *out_length)
{
    *out_length = strlen(text);
    if (*out_length >= capacity)
        return BRISK_ERR_SHORT_BUFFER;
    memcpy(buffer, text, *out_length + 1);
    return BRISK_OK;
}

static enum brisk_status describe_object(
    void *object, enum brisk_format format, char *buffer, size_t capacity, size_t *out_length)
{
    struct object *described = object;
    atomic_fetch_add(&described->described, 1);
    if (atomic_load(&described->is_gone))
        return BRISK_ERR_CORRUPT;
    if (format == BRISK_FORMAT_PROMETHEUS)
        return BRISK_ERR_UNSUPPORTED;
    return render(described->text, buffer, capacity, out_length);
}

static uint64_t add(const char *kind, const char *name, struct object *object)
{
    struct brisk_error error;
    uint64_t id = brisk_registry_add(kind, name, object, describe_object, &error);
    assert_that(id != 0, "%s was not added: %s", name, error.message);
    return id;
}

struct names {
    char text[256];
    unsigned int count;
    unsigned int stop_after;
};

static enum brisk_status note_name(const struct brisk_registry_item *item, void *ctx)
{
    struct names *names = ctx;
    size_t length = strlen(names->text);
    snprintf(names->text + length, sizeof names->text - length, "%s=%s ", item->kind, item->name);
    names->count++;
    return names->count == names->stop_after ? BRISK_ERR_CANCELLED : BRISK_OK;
}

static void objects_are_visited_in_the_order_they_came(void **state)
{
    (void)state;
    struct object object = {.text = "x"};
    struct names names = {.count = 0};
    uint64_t first = add("cache", "users", &object);
    uint64_t second = add("client", "sessions", &object);
    uint64_t third = add("cache", "pages", &object);

    assert_ok(brisk_registry_for_each(NULL, note_name, &names));

    assert_string_equal(names.text, "cache=users client=sessions cache=pages ");
    assert_ok(brisk_registry_remove(first));
    assert_ok(brisk_registry_remove(second));
    assert_ok(brisk_registry_remove(third));
}

static void only_the_kind_asked_for_is_visited(void **state)
{
    (void)state;
    struct object object = {.text = "x"};
    struct names names = {.count = 0};
    uint64_t first = add("cache", "users", &object);
    uint64_t second = add("client", "sessions", &object);

    assert_ok(brisk_registry_for_each("client", note_name, &names));
    assert_ok(brisk_registry_for_each("profiler", note_name, &names));

    assert_string_equal(names.text, "client=sessions ");
    assert_ok(brisk_registry_remove(first));
    assert_ok(brisk_registry_remove(second));
}

static void a_visitor_that_stops_gives_its_answer_to_the_caller(void **state)
{
    (void)state;
    struct object object = {.text = "x"};
    struct names names = {.stop_after = 1};
    uint64_t first = add("cache", "users", &object);
    uint64_t second = add("cache", "pages", &object);

    assert_status(brisk_registry_for_each(NULL, note_name, &names), BRISK_ERR_CANCELLED);

    assert_string_equal(names.text, "cache=users ");
    assert_ok(brisk_registry_remove(first));
    assert_ok(brisk_registry_remove(second));
}

static void names_are_copied_and_may_be_equal(void **state)
{
    (void)state;
    struct object object = {.text = "x"};
    struct names names = {.count = 0};
    char name[] = "users";
    uint64_t first = add("cache", name, &object);
    uint64_t second = add("cache", name, &object);
    memset(name, 'z', 5);

    assert_ok(brisk_registry_for_each(NULL, note_name, &names));

    assert_string_equal(names.text, "cache=users cache=users ");
    assert_true(first != second);
    assert_ok(brisk_registry_remove(first));
    assert_ok(brisk_registry_remove(second));
}

static void describe_renders_what_the_object_says(void **state)
{
    (void)state;
    struct object object = {.text = "hits 7"};
    uint64_t id = add("cache", "users", &object);
    char buffer[16];
    size_t length;

    assert_ok(brisk_registry_describe(id, BRISK_FORMAT_TEXT, buffer, sizeof buffer, &length));

    assert_size(length, 6);
    assert_string_equal(buffer, "hits 7");
    assert_ok(brisk_registry_remove(id));
}

static void a_short_buffer_learns_the_needed_length(void **state)
{
    (void)state;
    struct object object = {.text = "hits 7"};
    uint64_t id = add("cache", "users", &object);
    char buffer[6];
    size_t length;

    assert_status(
        brisk_registry_describe(id, BRISK_FORMAT_JSON, NULL, 0, &length), BRISK_ERR_SHORT_BUFFER);
    assert_size(length, 6);
    assert_status(
        brisk_registry_describe(id, BRISK_FORMAT_JSON, buffer, sizeof buffer, &length),
        BRISK_ERR_SHORT_BUFFER);

    assert_ok(brisk_registry_remove(id));
}

static void a_format_the_object_lacks_is_its_answer(void **state)
{
    (void)state;
    struct object object = {.text = "x"};
    uint64_t id = add("cache", "users", &object);
    size_t length;

    assert_status(
        brisk_registry_describe(id, BRISK_FORMAT_PROMETHEUS, NULL, 0, &length),
        BRISK_ERR_UNSUPPORTED);

    assert_ok(brisk_registry_remove(id));
}

static void a_removed_object_is_not_there(void **state)
{
    (void)state;
    struct object object = {.text = "x"};
    struct names names = {.count = 0};
    uint64_t id = add("cache", "users", &object);
    size_t length = 9;
    assert_ok(brisk_registry_remove(id));

    assert_status(brisk_registry_describe(id, BRISK_FORMAT_TEXT, NULL, 0, &length), BRISK_MISS);
    assert_size(length, 0);
    assert_status(brisk_registry_remove(id), BRISK_MISS);
    assert_status(brisk_registry_remove(0), BRISK_MISS);
    assert_ok(brisk_registry_for_each(NULL, note_name, &names));
    assert_u64(names.count, 0);
    assert_u64(object.described, 0);
}

static void an_id_is_never_used_again(void **state)
{
    (void)state;
    struct object object = {.text = "x"};
    uint64_t last = 0;
    for (int i = 0; i < 20; i++) {
        uint64_t id = add("cache", "users", &object);
        assert_true(id > last);
        last = id;
        assert_ok(brisk_registry_remove(id));
    }
}

static enum brisk_status count_visit(const struct brisk_registry_item *item, void *ctx)
{
    (void)item;
    ++*(unsigned int *)ctx;
    return BRISK_OK;
}

static void any_number_of_objects_can_be_registered(void **state)
{
    (void)state;
    enum {
        OBJECTS = 100
    };
    struct object object = {.text = "x"};
    uint64_t ids[OBJECTS];
    for (int i = 0; i < OBJECTS; i++)
        ids[i] = add("cache", "users", &object);
    unsigned int visited = 0;

    assert_ok(brisk_registry_for_each("cache", count_visit, &visited));

    assert_u64(visited, OBJECTS);
    for (int i = 0; i < OBJECTS; i++)
        assert_ok(brisk_registry_remove(ids[(i * 37) % OBJECTS]));
    visited = 0;
    assert_ok(brisk_registry_for_each(NULL, count_visit, &visited));
    assert_u64(visited, 0);
}

static void missing_arguments_are_invalid(void **state)
{
    (void)state;
    size_t length;
    struct brisk_error error;

    assert_u64(brisk_registry_add(NULL, "x", NULL, describe_object, &error), 0);
    assert_status(error.status, BRISK_ERR_INVALID);
    assert_u64(brisk_registry_add("x", NULL, NULL, describe_object, NULL), 0);
    assert_u64(brisk_registry_add("x", "y", NULL, NULL, NULL), 0);
    assert_status(brisk_registry_for_each(NULL, NULL, NULL), BRISK_ERR_INVALID);
    assert_status(brisk_registry_describe(1, BRISK_FORMAT_TEXT, NULL, 0, NULL), BRISK_ERR_INVALID);
    assert_status(
        brisk_registry_describe(1, BRISK_FORMAT_TEXT, NULL, 4, &length), BRISK_ERR_INVALID);
}

static enum brisk_status remove_and_describe_self(const struct brisk_registry_item *item, void *ctx)
{
    char buffer[8];
    size_t length;
    enum brisk_status *described = ctx;
    *described = brisk_registry_describe(
        item->id, BRISK_FORMAT_TEXT, buffer, sizeof buffer, &length);
    enum brisk_status removed = brisk_registry_remove(item->id);
    return strcmp(item->name, "users") == 0 ? removed : BRISK_ERR_CORRUPT;
}

static void a_visitor_may_remove_what_it_visits(void **state)
{
    (void)state;
    struct object object = {.text = "x"};
    struct names names = {.count = 0};
    enum brisk_status described = BRISK_ERR_CANCELLED;
    add("cache", "users", &object);
    add("cache", "users", &object);

    assert_ok(brisk_registry_for_each("cache", remove_and_describe_self, &described));

    assert_ok(described);
    assert_u64(object.described, 2);
    assert_ok(brisk_registry_for_each(NULL, note_name, &names));
    assert_u64(names.count, 0);
}

static enum brisk_status describe_by_removing(
    void *object, enum brisk_format format, char *buffer, size_t capacity, size_t *out_length)
{
    (void)format;
    (void)buffer;
    (void)capacity;
    (void)out_length;
    return brisk_registry_remove(*(uint64_t *)object);
}

static void a_removal_inside_a_describe_function_is_refused(void **state)
{
    (void)state;
    struct object object = {.text = "x"};
    uint64_t victim = add("cache", "victim", &object);
    uint64_t target = victim;
    uint64_t remover = brisk_registry_add("cache", "remover", &target, describe_by_removing, NULL);
    size_t length;

    assert_status(
        brisk_registry_describe(remover, BRISK_FORMAT_TEXT, NULL, 0, &length), BRISK_ERR_RECURSION);
    target = remover;
    assert_status(
        brisk_registry_describe(remover, BRISK_FORMAT_TEXT, NULL, 0, &length), BRISK_ERR_RECURSION);

    assert_ok(brisk_registry_remove(victim));
    assert_ok(brisk_registry_remove(remover));
}

struct slow_object {
    uint64_t id;
    _Atomic unsigned int is_described;
    _Atomic unsigned int may_finish;
    _Atomic bool has_finished;
};

static enum brisk_status describe_slowly(
    void *object, enum brisk_format format, char *buffer, size_t capacity, size_t *out_length)
{
    (void)format;
    struct slow_object *slow = object;
    atomic_store(&slow->is_described, 1);
    if (!wait_for_count(&slow->may_finish, 1))
        return BRISK_ERR_TIMEOUT;
    atomic_store(&slow->has_finished, true);
    return render("slow", buffer, capacity, out_length);
}

static enum brisk_status find_id(const struct brisk_registry_item *item, void *ctx)
{
    return item->id == *(uint64_t *)ctx ? BRISK_CONFLICT : BRISK_OK;
}

/* Thread 0 describes, 1 removes meanwhile, 2 lets the first end once the object is taken out. */
static enum brisk_status describe_remove_and_watch(unsigned int index, void *ctx)
{
    struct slow_object *slow = ctx;
    char buffer[8];
    size_t length;
    if (index == 0)
        return brisk_registry_describe(slow->id, BRISK_FORMAT_TEXT, buffer, sizeof buffer, &length);

    thread_expect(wait_for_count(&slow->is_described, 1));
    if (index == 1) {
        thread_expect(brisk_registry_remove(slow->id) == BRISK_OK);
        thread_expect(atomic_load(&slow->has_finished));
        return BRISK_OK;
    }

    while (brisk_registry_for_each("cache", find_id, &slow->id) == BRISK_CONFLICT)
        continue;
    thread_expect(!atomic_load(&slow->has_finished));
    atomic_store(&slow->may_finish, 1);
    return BRISK_OK;
}

static void a_removal_waits_for_a_describe_call_that_runs(void **state)
{
    (void)state;
    struct slow_object slow = {.id = 0};
    slow.id = brisk_registry_add("cache", "slow", &slow, describe_slowly, NULL);

    run_threads(3, describe_remove_and_watch, &slow);

    assert_status(brisk_registry_remove(slow.id), BRISK_MISS);
}

static enum brisk_status describe_item(const struct brisk_registry_item *item, void *ctx)
{
    (void)ctx;
    char buffer[16];
    size_t length;
    enum brisk_status answer = brisk_registry_describe(
        item->id, BRISK_FORMAT_TEXT, buffer, sizeof buffer, &length);
    if (answer == BRISK_OK && strcmp(buffer, item->name) != 0)
        return BRISK_ERR_CORRUPT;
    return answer == BRISK_MISS ? BRISK_OK : answer;
}

static enum brisk_status add_remove_and_walk(unsigned int index, void *ctx)
{
    (void)ctx;
    static const char *const names[] = {"a", "b", "c", "d"};
    for (unsigned int i = 0; i < scaled(2000); i++) {
        struct object object = {.text = names[index]};
        uint64_t id = brisk_registry_add("cache", names[index], &object, describe_object, NULL);
        thread_expect(id != 0);
        thread_expect(brisk_registry_for_each(NULL, describe_item, NULL) == BRISK_OK);
        thread_expect(brisk_registry_remove(id) == BRISK_OK);
        /* A describe call after the removal would find this. */
        atomic_store(&object.is_gone, true);
    }
    return BRISK_OK;
}

static void threads_add_remove_and_describe_at_once(void **state)
{
    (void)state;
    struct names names = {.count = 0};

    run_threads(4, add_remove_and_walk, NULL);

    assert_ok(brisk_registry_for_each(NULL, note_name, &names));
    assert_u64(names.count, 0);
}

static void add_or_report(bool is_failing, void *ctx)
{
    struct brisk_error error;
    uint64_t id = brisk_registry_add("cache", "users", ctx, describe_object, &error);
    if (id != 0) {
        assert_ok(brisk_registry_remove(id));
        return;
    }
    assert_true(is_failing);
    assert_status(error.status, BRISK_ERR_NOMEM);
    assert_string_equal(error.message, "no memory to register cache \"users\"");
}

static void an_add_without_memory_says_so(void **state)
{
    (void)state;
    struct object object = {.text = "x"};
    for_each_allocation_failure(add_or_report, &object);
}

BRISK_TEST_MAIN(
    cmocka_unit_test(objects_are_visited_in_the_order_they_came),
    cmocka_unit_test(only_the_kind_asked_for_is_visited),
    cmocka_unit_test(a_visitor_that_stops_gives_its_answer_to_the_caller),
    cmocka_unit_test(names_are_copied_and_may_be_equal),
    cmocka_unit_test(describe_renders_what_the_object_says),
    cmocka_unit_test(a_short_buffer_learns_the_needed_length),
    cmocka_unit_test(a_format_the_object_lacks_is_its_answer),
    cmocka_unit_test(a_removed_object_is_not_there), cmocka_unit_test(an_id_is_never_used_again),
    cmocka_unit_test(any_number_of_objects_can_be_registered),
    cmocka_unit_test(missing_arguments_are_invalid),
    cmocka_unit_test(a_visitor_may_remove_what_it_visits),
    cmocka_unit_test(a_removal_inside_a_describe_function_is_refused),
    cmocka_unit_test(a_removal_waits_for_a_describe_call_that_runs),
    cmocka_unit_test(threads_add_remove_and_describe_at_once),
    cmocka_unit_test(an_add_without_memory_says_so))
