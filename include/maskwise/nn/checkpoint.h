// A training on disk, to go on with.
#ifndef MASKWISE_NN_CHECKPOINT_H_
#define MASKWISE_NN_CHECKPOINT_H_

#include <cstdint>
#include <map>
#include <string>
#include <variant>

#include "maskwise/nn/module.h"
#include "maskwise/nn/optimizer.h"

namespace maskwise::nn {

// What else a training must know: its epoch, its seed, its best loss.
using CheckpointNumbers = std::map<std::string, std::variant<int64_t, double>>;

// Writes one safetensors file: "model.<parameter>", what Adam::state() names,
// and "number.<name>" []. The file is written beside `path` and renamed, so
// that `path` holds the old checkpoint or all of the new one, whenever the
// process dies and if the disk is full; a process that is killed may leave a
// file .maskwise-*.tmp beside it. Throws Error (io).
void save_checkpoint(const std::string& path, Module& module, const Adam& adam,
                     const CheckpointNumbers& numbers = {});

// Takes a checkpoint of such a module and such an optimizer; returns its
// numbers. Throws Error that names the file and the first thing that is
// missing, has another shape or type, or is not known; module and optimizer are
// then as before. The optimizer's options are its own.
CheckpointNumbers load_checkpoint(const std::string& path, Module& module,
                                  Adam& adam);

// The same without the optimizer's state, for a model that is only used.
CheckpointNumbers load_checkpoint(const std::string& path, Module& module);

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_CHECKPOINT_H_
