#include "training/model_folder.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/byte_digest.h"
#include "base/fail.h"
#include "base/printable.h"
#include "training/json_file.h"

namespace maskwise::nn::detail {
namespace {

constexpr std::string_view kFormat = "maskwise text model 1";

// The names of enumerators in model.json, by value.
constexpr std::string_view kTasks[] = {"seq2seq", "classify"};
constexpr std::string_view kActivations[] = {"relu", "gelu", "swiglu"};
constexpr std::string_view kNormOrders[] = {"post", "pre"};
constexpr std::string_view kNorms[] = {"layer", "rms"};

template <typename Enum, size_t N>
Enum enumerator(const JsonFile& file, const char* key,
                const std::string_view (&names)[N]) {
  const std::string name = file.text(key);
  const auto* found = std::ranges::find(names, name);
  if (found == std::end(names)) {
    std::string known;
    for (const std::string_view one : names) {
      known += (known.empty() ? "" : ", ") + std::string(one);
    }
    file.refuse(std::string(key) + " is '" + maskwise::detail::printable(name) +
                "'; expected one of: " + known);
  }
  return static_cast<Enum>(found - names);
}

template <typename Enum, size_t N>
std::string_view name_in(const std::string_view (&names)[N], Enum value) {
  return names[static_cast<size_t>(value)];
}

// All that model.json says but the labels.
Json json_of(const TextModelOptions& options) {
  const TransformerLayerOptions& layer = options.layer;
  return {{"format", kFormat},
          {"task", name_in(kTasks, options.task)},
          {"layers", options.layers},
          {"features", layer.features},
          {"heads", layer.heads},
          {"kv_heads", layer.kv_heads},
          {"hidden", layer.hidden},
          {"activation", name_in(kActivations, layer.activation)},
          {"norm_order", name_in(kNormOrders, layer.norm_order)},
          {"norm", name_in(kNorms, layer.norm)},
          {"eps", layer.eps},
          {"dropout", layer.dropout},
          {"rotary_base", layer.rotary_base},
          {"max_length", options.max_length},
          {"longest_answer", options.longest_answer}};
}

// Settings that a user may change in a model that is trained.
constexpr const char* kFreeSettings[] = {"dropout", "max_length",
                                         "longest_answer"};

// What the parameters have digests of: the key in model.safetensors, where it
// stands, and what to call it.
struct Digested {
  std::string_view key;
  std::string_view file;
  std::string_view name;
};
constexpr Digested kSettings = {"maskwise.settings", kModelFile, "settings"};
constexpr Digested kLabels = {"maskwise.labels", kModelFile, "labels"};
constexpr Digested kSource = {"maskwise.source", kSourceFile, "symbols"};
constexpr Digested kTarget = {"maskwise.target", kTargetFile, "symbols"};

std::string digest_of_texts(const std::vector<std::string>& texts) {
  maskwise::detail::ByteDigest digest;
  // A byte that no text in UTF-8 holds keeps them apart.
  for (const std::string& text : texts) digest.add(text + '\xFF');
  return digest.text();
}

std::string digest_of_settings(const TextModelOptions& options) {
  Json json = json_of(options);
  for (const char* key : kFreeSettings) json.erase(key);
  return digest_of_texts({json.dump()});
}

std::string digest_of_symbols(const Vocabulary& vocabulary) {
  std::vector<std::string> texts = {
      vocabulary.split() == Split::blanks ? "blanks" : "characters"};
  for (int64_t id = Vocabulary::kFirstSymbol; id < vocabulary.size(); ++id) {
    texts.push_back(vocabulary.symbol_of(id));
  }
  return digest_of_texts(texts);
}

std::vector<std::pair<std::string, Parameter*>> parameters_of(Module& module) {
  std::vector<std::pair<std::string, Parameter*>> found;
  module.visit_parameters("", [&](const std::string& name, Parameter& one) {
    found.emplace_back(name, &one);
  });
  return found;
}

}  // namespace

void naming(const std::string& path, const std::function<void()>& make) {
  try {
    make();
  } catch (const Error& error) {
    const std::string what = error.what();
    maskwise::detail::fail(ErrorCode::io, "model", "'{}': {}", path,
                           what.substr(what.find(' ') + 1));
  }
}

std::string file_in(const std::string& folder, std::string_view name) {
  return folder + "/" + std::string(name);
}

void save_options(const std::string& folder, const StoredOptions& stored) {
  const auto& [options, labels] = stored;
  Json json = json_of(options);
  if (options.task == Task::classify) json["labels"] = labels;
  save_text(file_in(folder, kModelFile), json.dump(1) + "\n");
}

StoredOptions load_options(const std::string& folder) {
  const JsonFile file("model", file_in(folder, kModelFile));
  file.check_format(kFormat);
  StoredOptions stored;
  TextModelOptions& options = stored.options;
  TransformerLayerOptions& layer = options.layer;
  options.task = enumerator<Task>(file, "task", kTasks);
  options.layers = file.whole_number("layers");
  layer.features = file.whole_number("features");
  layer.heads = file.whole_number("heads");
  layer.kv_heads = file.whole_number("kv_heads");
  layer.hidden = file.whole_number("hidden");
  layer.activation = enumerator<Activation>(file, "activation", kActivations);
  layer.norm_order = enumerator<NormOrder>(file, "norm_order", kNormOrders);
  layer.norm = enumerator<NormKind>(file, "norm", kNorms);
  layer.eps = static_cast<float>(file.number("eps"));
  layer.dropout = file.number("dropout");
  layer.rotary_base = file.number("rotary_base");
  options.max_length = file.whole_number("max_length");
  options.longest_answer = file.whole_number("longest_answer");
  if (options.task == Task::classify) stored.labels = file.texts("labels");
  return stored;
}

SafetensorsMetadata digests_of(const StoredOptions& stored,
                               const Vocabulary& source,
                               const Vocabulary& target) {
  SafetensorsMetadata found;
  const auto add = [&](const Digested& what, std::string digest) {
    found.emplace(what.key, std::move(digest));
  };
  add(kSettings, digest_of_settings(stored.options));
  add(kSource, digest_of_symbols(source));
  if (stored.options.task == Task::classify) {
    add(kLabels, digest_of_texts(stored.labels));
  } else {
    add(kTarget, digest_of_symbols(target));
  }
  return found;
}

void check_digests(const std::string& folder,
                   const SafetensorsMetadata& found) {
  const std::string path = file_in(folder, kParametersFile);
  const SafetensorsMetadata saved = load_safetensors_metadata(path);
  for (const auto& [key, file, name] : {kSettings, kLabels, kSource, kTarget}) {
    const auto now = found.find(std::string(key));
    const auto then = saved.find(std::string(key));
    if (now == found.end() || then == saved.end() ||
        now->second == then->second) {
      continue;
    }
    const std::string free = key == kSettings.key
                                 ? ", or undo what was changed: only dropout, "
                                   "max_length and longest_answer may be"
                                 : "";
    maskwise::detail::fail(
        ErrorCode::io, "model",
        "'{}' holds other {} than '{}' was trained with; expected the files of "
        "one model: copy them together again{}",
        file_in(folder, file), name, path, free);
  }
}

void save_parameters(const std::string& folder, Module& module,
                     const SafetensorsMetadata& digests) {
  save_safetensors(file_in(folder, kParametersFile), module.parameters(),
                   digests);
}

TensorMap load_values(const std::string& folder,
                      const TextModelOptions& options) {
  const std::string path = file_in(folder, kParametersFile);
  TensorMap values = load_safetensors(path);
  double found = 0;
  for (const auto& [name, one] : values) {
    found += static_cast<double>(one.size());
  }
  // Of attention and the feed-forward layer, in doubles, which do not overflow;
  // sizes below 1 are refused by the layers.
  const auto size = [](int64_t n) {
    return static_cast<double>(std::max<int64_t>(0, n));
  };
  const double features = size(options.layer.features);
  const double least = 2 * size(options.layers) * features *
                       (features + size(options.layer.hidden));
  if (least > found) {
    maskwise::detail::fail(
        ErrorCode::io, "model",
        "'{}' holds {:.0f} numbers; expected at least {:.0f} for {} layers of "
        "{} features and {} hidden, as {} says",
        path, found, least, options.layers, options.layer.features,
        options.layer.hidden, kModelFile);
  }
  return values;
}

void load_parameters(const std::string& folder, const TensorMap& values,
                     Module& module) {
  naming(file_in(folder, kParametersFile),
         [&] { module.load_parameters(values); });
}

void share_parameters(const Module& module, Module& twin) {
  // Visiting gives references that can be written through; here none is.
  const auto from = parameters_of(const_cast<Module&>(module));
  const auto to = parameters_of(twin);
  for (size_t i = 0; i < to.size(); ++i) {
    to[i].second->value = from[i].second->value;
  }
}

}  // namespace maskwise::nn::detail
