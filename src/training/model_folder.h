// The files of a model: model.json, the vocabularies, the parameters.
#ifndef MASKWISE_TRAINING_MODEL_FOLDER_H_
#define MASKWISE_TRAINING_MODEL_FOLDER_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "maskwise/io.h"
#include "maskwise/nn/module.h"
#include "maskwise/nn/text_model.h"
#include "maskwise/nn/vocabulary.h"

namespace maskwise::nn::detail {

inline constexpr std::string_view kModelFile = "model.json";
inline constexpr std::string_view kSourceFile = "source.json";
inline constexpr std::string_view kTargetFile = "target.json";
inline constexpr std::string_view kParametersFile = "model.safetensors";

std::string file_in(const std::string& folder, std::string_view name);

// What model.json holds.
struct StoredOptions {
  TextModelOptions options;
  std::vector<std::string> labels;  // of Task::classify
};

void save_options(const std::string& folder, const StoredOptions& stored);

// Throws Error (io) that names the file and what is wrong with it.
StoredOptions load_options(const std::string& folder);

// Digests of all that gives the parameters their meaning and could be of
// another model without a size that tells; by what it is. `target` plays no
// part for Task::classify, whose labels do.
SafetensorsMetadata digests_of(const StoredOptions& stored,
                               const Vocabulary& source,
                               const Vocabulary& target);

// Throws Error (io) that names the file in which what the folder's parameters
// were saved with has another digest. Parameters saved without digests, by
// another tool or before there were any, fit.
void check_digests(const std::string& folder, const SafetensorsMetadata& found);

void save_parameters(const std::string& folder, Module& module,
                     const SafetensorsMetadata& digests);

// The values of the parameters. Throws Error (io) when they are too few for
// such layers: sizes that are absurd are never allocated.
TensorMap load_values(const std::string& folder,
                      const TextModelOptions& options);
void load_parameters(const std::string& folder, const TensorMap& values,
                     Module& module);

// Calls make(); its Error becomes one (io) that names the file.
void naming(const std::string& path, const std::function<void()>& make);

// Makes the values of `twin` those of `module`, in the same memory.
void share_parameters(const Module& module, Module& twin);

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_TRAINING_MODEL_FOLDER_H_
