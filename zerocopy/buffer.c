/* SPDX-License-Identifier: Apache-2.0 */
#include "zerocopy/buffer.h"

#include "zerocopy/adopted.h"

struct bk_account *bk_account_new(void)
{
    struct bk_account *account = bk_malloc(sizeof *account);
    if (account == NULL)
        return NULL;
    atomic_init(&account->references, 1);
    atomic_init(&account->pinned_bytes, 0);
    return account;
}

void bk_account_release(struct bk_account *account)
{
    if (account == NULL)
        return;
    if (atomic_fetch_sub_explicit(&account->references, 1, memory_order_acq_rel) == 1)
        bk_free(account);
}

void bk_buffer_charge(struct brisk_buffer *buffer, struct bk_account *account)
{
    struct bk_account *none = NULL;
    atomic_fetch_add_explicit(&account->references, 1, memory_order_relaxed);
    if (!atomic_compare_exchange_strong_explicit(
            &buffer->account, &none, account, memory_order_release, memory_order_relaxed)) {
        bk_account_release(account);
        return;
    }
    atomic_fetch_add_explicit(&account->pinned_bytes, buffer->held_bytes, memory_order_relaxed);
}

static void settle_account(struct brisk_buffer *buffer)
{
    struct bk_account *account = atomic_load_explicit(&buffer->account, memory_order_acquire);
    if (account == NULL)
        return;
    atomic_fetch_sub_explicit(&account->pinned_bytes, buffer->held_bytes, memory_order_relaxed);
    bk_account_release(account);
}

void bk_buffer_end(struct brisk_buffer *buffer, uint32_t old_count)
{
    if (old_count >= BK_BUFFER_SATURATED) {
        atomic_store_explicit(
            &buffer->references, BK_BUFFER_SATURATED + BK_BUFFER_SATURATED / 2,
            memory_order_relaxed);
        return;
    }

    settle_account(buffer);
    if ((buffer->kind & BK_BUFFER_ADOPTED) != 0) {
        struct bk_adopted_buffer *adopted = (struct bk_adopted_buffer *)buffer;
        adopted->release(adopted->data, adopted->length, adopted->release_ctx);
    }
    bk_free(buffer);
}
