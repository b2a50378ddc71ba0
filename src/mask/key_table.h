// The words whose keys stand in a boolean tensor [B, Lk].
#ifndef MASKWISE_MASK_KEY_TABLE_H_
#define MASKWISE_MASK_KEY_TABLE_H_

#include "mask/boolean_word.h"
#include "maskwise/mask.h"

namespace maskwise::detail {

// `keys` is a bool Tensor; `clause` is what messages call the word, which may
// be an importer's name.
Mask make_key_table(Polarity polarity, const MaskTensor& keys,
                    const WrittenClause& clause);

}  // namespace maskwise::detail

#endif  // MASKWISE_MASK_KEY_TABLE_H_
