// A small real model of English stories, read from the files that llama2.c
// writes: 5 layers, 8 query heads on 4 kv heads, rotary positions, RMS norms,
// SwiGLU, the embedding's weights at the output.
#ifndef MASKWISE_TESTS_SUPPORT_STORIES_MODEL_H_
#define MASKWISE_TESTS_SUPPORT_STORIES_MODEL_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "maskwise/nn/decoder.h"

namespace maskwise::testing {

// The bytes of a file, read in order.
class FileReader {
 public:
  explicit FileReader(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
  }

  template <typename T>
  T number() {
    T value;
    copy(&value, sizeof(T));
    return value;
  }
  std::string text(size_t size) {
    std::string text(size, '\0');
    copy(text.data(), size);
    return text;
  }
  void copy(void* to, size_t size) {
    if (at_ + size > bytes_.size()) throw std::runtime_error("a short file");
    std::memcpy(to, bytes_.data() + at_, size);
    at_ += size;
  }

 private:
  std::string bytes_;
  size_t at_ = 0;
};

struct StoriesHeader {
  int32_t features = 0;
  int32_t hidden = 0;
  int32_t layers = 0;
  int32_t heads = 0;
  int32_t kv_heads = 0;
  int32_t tokens = 0;
  int32_t max_length = 0;
};

inline constexpr int64_t kStoriesBegin = 1;

inline nn::DecoderOptions options_of(const StoriesHeader& header) {
  nn::DecoderOptions options;
  options.tokens = header.tokens;
  options.layers = header.layers;
  options.layer.features = header.features;
  options.layer.heads = header.heads;
  options.layer.kv_heads = header.kv_heads;
  options.layer.hidden = header.hidden;
  options.layer.activation = nn::Activation::swiglu;
  options.layer.norm_order = nn::NormOrder::pre;
  options.layer.norm = nn::NormKind::rms;
  options.layer.rotary_base = 10000;
  options.positions = nn::Positions::none;
  options.output = nn::OutputWeights::embedding;
  options.max_length = header.max_length;
  options.pad = -1;
  return options;
}

// The same tensor of every layer, or a part of it, lies together in the file.
inline void read_layers(FileReader& file, nn::Decoder& model,
                        nn::Parameter& (*part)(nn::EncoderLayer&),
                        int64_t first_row, int64_t rows) {
  for (nn::EncoderLayer& layer : model.stack.layers) {
    Tensor& value = part(layer).value;
    const int64_t width = value.size() / value.dim(0);
    file.copy(value.mutable_data<float>() + first_row * width,
              static_cast<size_t>(rows * width) * sizeof(float));
  }
}

inline nn::Decoder read_stories_model(const std::filesystem::path& path) {
  FileReader file(path);
  const auto header = file.number<StoriesHeader>();
  nn::Decoder model(options_of(header));
  const int64_t e = header.features;
  const int64_t kv = e / header.heads * header.kv_heads;
  const auto read = [&](int64_t first, int64_t rows,
                        nn::Parameter& (*part)(nn::EncoderLayer&)) {
    read_layers(file, model, part, first, rows);
  };
  using Layer = nn::EncoderLayer;
  using nn::Parameter;
  const auto in_proj = [](Layer& l) -> Parameter& {
    return l.self_attn.in_proj_weight;
  };
  Tensor& embedding = model.embedding.embedding.weight.value;
  file.copy(embedding.mutable_bytes(),
            static_cast<size_t>(embedding.byte_size()));
  read(0, e, [](Layer& l) -> Parameter& { return l.norm1.weight; });
  read(0, e, in_proj);
  read(e, kv, in_proj);
  read(e + kv, kv, in_proj);
  read(0, e,
       [](Layer& l) -> Parameter& { return l.self_attn.out_proj.weight; });
  read(0, e, [](Layer& l) -> Parameter& { return l.norm2.weight; });
  read(0, header.hidden, [](Layer& l) -> Parameter& {
    return l.feed_forward.linear_gate.weight;
  });
  read(0, e,
       [](Layer& l) -> Parameter& { return l.feed_forward.linear2.weight; });
  read(0, header.hidden,
       [](Layer& l) -> Parameter& { return l.feed_forward.linear1.weight; });
  file.copy(model.stack.norm.weight.value.mutable_bytes(),
            static_cast<size_t>(e) * sizeof(float));
  return model;
}

// The text of each token.
inline std::vector<std::string> read_stories_tokens(
    const std::filesystem::path& path, int64_t tokens) {
  FileReader file(path);
  file.number<int32_t>();  // the longest
  std::vector<std::string> texts;
  for (int64_t i = 0; i < tokens; ++i) {
    file.number<float>();  // its score
    texts.push_back(file.text(static_cast<size_t>(file.number<int32_t>())));
  }
  return texts;
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_STORIES_MODEL_H_
