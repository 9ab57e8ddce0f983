/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen nodes share ten thousand keys; how many move when a node goes, comes back, or is heavy.
 */
#include <stdio.h>
#include <string.h>

#include <brisk/brisk.h>

enum {
    KEYS = 10000
};

/* Where each key was when it was last counted. */
static char places[KEYS][16];

static unsigned int count_moved(const struct brisk_ring *ring, const char *to, unsigned int *at)
{
    unsigned int moved = 0;
    *at = 0;
    for (unsigned int i = 0; i < KEYS; i++) {
        char key[32];
        const char *node = "";
        snprintf(key, sizeof key, "key:%u", i);
        (void)!brisk_ring_nodes_of(ring, brisk_bytes_text(key), 1, &node);
        moved += strcmp(places[i], node) != 0;
        *at += strcmp(node, to) == 0;
        snprintf(places[i], sizeof places[i], "%s", node);
    }
    return moved;
}

static void report(const struct brisk_ring *ring, const char *what)
{
    unsigned int at, moved = count_moved(ring, "node3", &at);
    printf(
        "%-28s %2zu nodes, %5u keys moved, %4u at node3\n", what, brisk_ring_count(ring), moved,
        at);
}

int main(void)
{
    struct brisk_ring *ring = brisk_ring_new();
    enum brisk_status status = ring == NULL ? BRISK_ERR_NOMEM : BRISK_OK;
    for (unsigned int i = 0; i < 16 && status == BRISK_OK; i++) {
        char name[16];
        snprintf(name, sizeof name, "node%u", i);
        status = brisk_ring_add(ring, name, 1);
    }
    if (status != BRISK_OK)
        return 1;
    report(ring, "at the beginning");

    for (size_t replicas = 1; replicas <= 4; replicas++) {
        const char *nodes[4];
        size_t count = brisk_ring_nodes_of(ring, brisk_bytes_text("foo"), replicas, nodes);
        printf("foo in %zu copies:", replicas);
        for (size_t i = 0; i < count; i++)
            printf(" %s", nodes[i]);
        printf("\n");
    }

    if (brisk_ring_remove(ring, "node3") != BRISK_OK)
        return 1;
    report(ring, "node3 is gone");
    if (brisk_ring_add(ring, "node16", 1) != BRISK_OK)
        return 1;
    report(ring, "node16 has come");
    if (brisk_ring_add(ring, "node3", 100) != BRISK_OK)
        return 1;
    report(ring, "node3 is back, weight 100");
    brisk_ring_free(ring);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "ring: cannot write to the standard output\n");
        return 1;
    }
    return 0;
}
