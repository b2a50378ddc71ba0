// The words prefix and lengths: the first keys of each batch item.

#include <memory>
#include <utility>

#include "base/checked_math.h"
#include "base/fail.h"
#include "base/format.h"
#include "mask/key_set.h"
#include "mask/length_checks.h"
#include "mask/position.h"
#include "mask/tensor_checks.h"

namespace maskwise {
namespace detail {
namespace {

enum class FirstKeysWord { prefix, lengths };

// k < count of the batch item.
class FirstKeysBound final : public KeySetBound {
 public:
  FirstKeysBound(const Node& node, FirstKeysWord word,
                 std::vector<int64_t> counts, int64_t kv_len)
      : KeySetBound(node, classes_of_values(counts)),
        word_(word),
        counts_(std::move(counts)) {
    build([&](int64_t batch) {
      KeyIntervals keys;
      append_interval(keys, {0, clamp_wide(count(batch), 0, kv_len)});
      return keys;
    });
  }

  bool allowed(const PairIndex& pair) const override {
    return pair.k < count(pair.batch);
  }

  std::string reason(const PairIndex& pair) const override {
    const int64_t keys = count(pair.batch);
    const std::string_view where = allowed(pair) ? "within" : "beyond";
    const std::string_view plural = keys == 1 ? "" : "s";
    if (word_ == FirstKeysWord::prefix) {
      return formatted("key {} lies {} the prefix of {} key{}", pair.k, where,
                       keys, plural);
    }
    return formatted("key {} lies {} the {} token{} of sentence {}", pair.k,
                     where, keys, plural, pair.batch);
  }

 private:
  int64_t count(int64_t batch) const {
    return counts_[static_cast<size_t>(batch)];
  }

  FirstKeysWord word_;
  std::vector<int64_t> counts_;  // [B]
};

class FirstKeysNode final : public Node {
 public:
  FirstKeysNode(FirstKeysWord word, PerBatch counts)
      : word_(word), counts_(std::move(counts)) {
    if (word_ == FirstKeysWord::lengths) {
      check_is_list("lengths", counts_);
      return;
    }
    for (const int64_t count : counts_.values()) {
      if (count >= 0) continue;
      fail(ErrorCode::invalid_argument, "mask",
           "prefix: {} keys; expected a count >= 0", count);
    }
  }

  BoundNodePtr bind(const BindContext& context) const override {
    const bool lengths = word_ == FirstKeysWord::lengths;
    const std::string_view noun = lengths ? "length" : "count";
    std::vector<int64_t> counts =
        resolve_per_batch(word_name(), noun, counts_, context.shape.batch);
    if (lengths) check_lengths("lengths", counts, context.shape.kv_len);
    return std::make_shared<const FirstKeysBound>(
        *this, word_, std::move(counts), context.shape.kv_len);
  }

  void write(TextWriter& writer) const override {
    writer.open(word_name());
    writer.argument("", counts_);
    writer.close();
  }

  bool same_as(const Node& other) const override {
    const auto& first = static_cast<const FirstKeysNode&>(other);
    return word_ == first.word_ && same_values(counts_, first.counts_);
  }

 private:
  std::string_view word_name() const {
    return word_ == FirstKeysWord::prefix ? "prefix" : "lengths";
  }

  FirstKeysWord word_;
  PerBatch counts_;
};

}  // namespace
}  // namespace detail

Mask prefix(const PerBatch& n) {
  return detail::make_word<detail::FirstKeysNode>(detail::FirstKeysWord::prefix,
                                                  n);
}

Mask lengths(const PerBatch& each) {
  return detail::make_word<detail::FirstKeysNode>(
      detail::FirstKeysWord::lengths, each);
}

}  // namespace maskwise
