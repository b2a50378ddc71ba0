// From what was said about alignment to one offset for each batch item.
#ifndef MASKWISE_MASK_POSITION_H_
#define MASKWISE_MASK_POSITION_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "mask/node.h"

namespace maskwise::detail {

// What a word does on a rectangle (Lq != Lk) when no position is said: refuse
// (causal, sliding_window) or take offset 0 (dilated, chunked).
enum class Unsaid { refuse, zero };

// The offset of each batch item: what the word says itself, else what the
// words around it say, else 0. Throws Error when that cannot be told.
std::vector<int64_t> resolve_offsets(std::string_view word, const Position& own,
                                     const BindContext& context, Unsaid unsaid);

// Throws Error unless at most one of align and offset is said.
void check_position(std::string_view word, const Position& position);

bool says_something(const Position& position);
bool same_position(const Position& a, const Position& b);

// One value for each batch item. Throws Error when the count is not B.
std::vector<int64_t> resolve_per_batch(std::string_view word,
                                       std::string_view what,
                                       const PerBatch& value, int64_t batch);

bool same_values(const PerBatch& a, const PerBatch& b);

}  // namespace maskwise::detail

#endif  // MASKWISE_MASK_POSITION_H_
