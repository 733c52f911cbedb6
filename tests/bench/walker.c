/* A 4-level walker in C, with the checks and flags of the manual: the peer of the batch benchmark.
 *
 * References: Intel SDM vol. 3A, 4.5 (4-level paging), 4.6 (access rights), 4.7 (error codes), 4.8 (flags).
 */
#include <stddef.h>
#include <stdint.h>

enum { P = 1, RW = 2, US = 4, A = 32, D = 64, PS = 128 };
enum { THROUGH = -1, GENERAL_PROTECTION = -2, RSVD = 8 };
static const uint64_t ADDRESS = 0x000FFFFFFFFFF000ull, NX = 1ull << 63;

void walk(uint64_t *memory, uint64_t root, const uint64_t *addresses, size_t count, int write, int user, int fetch,
          int write_protect, uint64_t reserved, uint64_t *physical, int8_t *codes)
{
    for (size_t n = 0; n < count; n++) {
        uint64_t address = addresses[n], table = root, rights = RW | US, nx = 0, entry = 0;
        int64_t upper = (int64_t)address >> 47;
        int8_t code = (int8_t)((write ? 2 : 0) | (user ? 4 : 0) | (fetch ? 16 : 0));
        if (upper != 0 && upper != -1) {
            codes[n] = GENERAL_PROTECTION;
            continue;
        }
        for (int shift = 39;; shift -= 9) {
            uint64_t *place = memory + ((table >> 3) + ((address >> shift) & 511));
            entry = *place;
            if (!(entry & P)) {
                codes[n] = code;
                break;
            }
            int leaf = shift == 12 || (shift < 39 && (entry & PS));
            uint64_t bad = reserved | (shift == 39 ? PS : 0);
            if (leaf && shift > 12)
                bad |= ((1ull << shift) - 1) & ~0x1FFFull;
            if (entry & bad) {
                codes[n] = (int8_t)(code | P | RSVD);
                break;
            }
            rights &= entry;
            nx |= entry & NX;
            if (!leaf) {
                if (!(entry & A))
                    *place = entry | A;
                table = entry & ADDRESS;
                continue;
            }
            int allowed = user ? (rights & US) && !(write && !(rights & RW)) : !(write && write_protect && !(rights & RW));
            if (!allowed || (fetch && nx)) {
                codes[n] = (int8_t)(code | P);
                break;
            }
            uint64_t flags = write ? A | D : A;
            if ((entry & flags) != flags)
                *place = entry | flags;
            uint64_t mask = (1ull << shift) - 1;
            physical[n] = (entry & ADDRESS & ~mask) | (address & mask);
            codes[n] = THROUGH;
            break;
        }
    }
}
