// From sentences to masked attention, step by step: tokens, a padded batch,
// the padding mask, the look-ahead mask and both, attention with 4 heads, and
// the proof that what is masked is absent. Run by scripts/demo.
#include <maskwise/maskwise.h>

#include <cmath>
#include <cstdio>
#include <exception>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace mw = maskwise;

namespace {

constexpr int64_t kPad = 0;
constexpr int64_t kHeads = 4;
constexpr int64_t kHeadDim = 8;

// Sentences as a padded batch of token ids.
struct Batch {
  mw::Tensor ids;          // [B, L] i64
  mw::TokenLabels labels;  // the tokens, <pad> included
};

std::vector<std::vector<std::string>> split_sentences(const std::string& text) {
  std::vector<std::vector<std::string>> sentences;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::vector<std::string> sentence;
    for (std::string word; words >> word;) sentence.push_back(word);
    if (!sentence.empty()) sentences.push_back(sentence);
  }
  return sentences;
}

Batch pad(std::vector<std::vector<std::string>> sentences) {
  size_t longest = 0;
  for (const auto& words : sentences) longest = std::max(longest, words.size());
  std::map<std::string, int64_t> vocabulary;
  std::vector<int64_t> ids;
  for (auto& words : sentences) {
    for (const std::string& word : words) {
      const auto next = static_cast<int64_t>(vocabulary.size()) + 1;
      ids.push_back(vocabulary.emplace(word, next).first->second);
    }
    ids.resize(ids.size() + longest - words.size(), kPad);
    words.resize(longest, "<pad>");
  }
  const auto batch = static_cast<int64_t>(sentences.size());
  return {mw::Tensor::from({batch, static_cast<int64_t>(longest)}, ids),
          {sentences, sentences}};
}

// Vectors [B, H, L, D] that depend on the token, its place and a seed only.
mw::Tensor project(const Batch& batch, float seed) {
  const int64_t length = batch.ids.dim(1);
  mw::Tensor x(mw::DType::f32, {batch.ids.dim(0), kHeads, length, kHeadDim});
  float* out = x.mutable_data<float>();
  const int64_t* ids = batch.ids.data<int64_t>();
  for (int64_t i = 0; i < x.size(); ++i) {
    const int64_t d = i % kHeadDim;
    const int64_t place = i / kHeadDim % length;
    const int64_t head = i / (kHeadDim * length) % kHeads;
    const int64_t item = i / (kHeadDim * length * kHeads);
    const auto token = static_cast<float>(ids[item * length + place]);
    const auto channel = static_cast<float>(head * kHeadDim + d + 1);
    out[i] = 1.5F * std::sin(token * channel * seed) +
             0.3F * std::cos(static_cast<float>(place) * channel);
  }
  return x;
}

void heading(const std::string& text) {
  std::cout << "\n== " << text << "\n\n";
}

void show(const std::string& text, const mw::BoundMask& mask,
          const Batch& batch) {
  heading(text);
  std::cout << mw::draw_text(mask, {.labels = batch.labels});
  for (const mw::MaskWarning& warning : mw::warnings(mask)) {
    std::cout << "warning: " << warning.message << "\n";
  }
}

void show_weights(const Batch& batch, const mw::AttentionResult& result,
                  int64_t item, int64_t query) {
  const int64_t length = batch.ids.dim(1);
  const auto& words = batch.labels.k[static_cast<size_t>(item)];
  std::printf("weights of \"%s\" (query %d of sentence %d), one line a head:\n",
              words[static_cast<size_t>(query)].c_str(),
              static_cast<int>(query), static_cast<int>(item));
  for (const std::string& word : words) std::printf("%9s", word.c_str());
  std::printf("%9s\n", "sum");
  for (int64_t h = 0; h < kHeads; ++h) {
    const float* row = result.weights.data<float>() +
                       ((item * kHeads + h) * length + query) * length;
    float sum = 0;
    for (int64_t k = 0; k < length; ++k) {
      std::printf("%9.4f", static_cast<double>(row[k]));
      sum += row[k];
    }
    std::printf("%9.4f\n", static_cast<double>(sum));
  }
  std::fflush(stdout);
}

// Returns whether the promise held.
bool prove(const mw::VerifyReport& report) {
  std::cout << "rows checked          " << report.rows << "\n"
            << "masked pairs poisoned " << report.poisoned
            << "  (NaN, signalling NaN, +Inf, -Inf, 1e30, a denormal)\n"
            << "masked pairs deleted  " << report.deleted << "\n"
            << "bits changed          " << report.bits_changed << "\n";
  return report.bits_changed == 0;
}

// The three masks, one pair explained, and the way to the logits.
mw::BoundMask show_masks(const Batch& batch) {
  const mw::AttentionShape shape = {.batch = batch.ids.dim(0),
                                    .heads = kHeads,
                                    .q_len = batch.ids.dim(1),
                                    .kv_len = batch.ids.dim(1)};
  const mw::Mask padding = mw::padding({"token_ids", batch.ids}, {.pad = kPad});
  const mw::Mask look_ahead = mw::causal();
  mw::BoundMask both = (look_ahead & padding).bind(shape);

  show("The padding mask: " + to_string(padding).text, padding.bind(shape),
       batch);
  show("The look-ahead mask: " + to_string(look_ahead).text,
       look_ahead.bind(shape), batch);
  show("Both: " + to_string(both.mask()).text, both, batch);

  heading("Why may a query not see a key?");
  std::cout << mw::explain(both, {.batch = 1, .head = 0, .q = 3, .k = 2})
            << "\n";

  heading("Where the mask meets the logits");
  std::cout << to_string(
      mw::walk_shapes(both, batch.ids,
                      {.labels = batch.labels, .batch = 1, .q = 1}),
      mw::Charset::unicode);
  return both;
}

bool walk(const std::string& path) {
  const Batch batch = pad(split_sentences(mw::load_text(path)));
  const mw::MaskPlan plan = mw::compile(show_masks(batch));

  heading("Attention with 4 heads");
  const mw::Tensor q = project(batch, 0.7F);
  const mw::Tensor k = project(batch, 1.1F);
  const mw::Tensor v = project(batch, 1.7F);
  const mw::AttentionResult result =
      mw::attention(q, k, v, plan, {.weights = mw::Weights::all});
  std::cout << "q, k, v  " << mw::to_string(q.shape()) << "  (B, H, L, D)\n"
            << "o        " << mw::to_string(result.o.shape()) << "\n"
            << "weights  " << mw::to_string(result.weights.shape()) << "\n\n";
  show_weights(batch, result, 0, 3);

  heading("Masked means absent");
  return prove(mw::verify(q, k, v, plan));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: mask_walk SENTENCES.txt (one sentence a line)\n";
    return 2;
  }
  try {
    return walk(argv[1]) ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "mask_walk: " << error.what() << "\n";
    return 2;
  }
}
