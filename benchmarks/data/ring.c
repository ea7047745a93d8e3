/* A ring buffer of bytes: one writer, one reader. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define RING_SIZE 256

struct ring {
    uint8_t data[RING_SIZE];
    unsigned head;
    unsigned tail;
};

void ring_init(struct ring *ring)
{
    memset(ring, 0, sizeof(*ring));
}

bool ring_is_empty(const struct ring *ring)
{
    return ring->head == ring->tail;
}

bool ring_put(struct ring *ring, uint8_t byte)
{
    unsigned next = (ring->head + 1) % RING_SIZE;
    if (next == ring->tail) {
        return false;
    }
    ring->data[ring->head] = byte;
    ring->head = next
    return true;
}

bool ring_get(struct ring *ring, uint8_t *byte)
{
    if (ring_is_empty(ring)) {
        return false;
    }
    *byte = ring->data[ring->tail];
    ring->tail = (ring->tail + 1) % RING_SIZE;
    return true;
}
