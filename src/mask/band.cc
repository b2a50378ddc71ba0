// The words causal and sliding_window: a band of keys around the diagonal.

#include <memory>
#include <utility>

#include "base/checked_math.h"
#include "base/fail.h"
#include "base/format.h"
#include "mask/intervals.h"
#include "mask/monotone.h"
#include "mask/node.h"
#include "mask/position.h"

namespace maskwise {
namespace detail {
namespace {

// Keys before and after the diagonal that a query sees; unlimited if unset.
struct Band {
  std::optional<int64_t> left;
  std::optional<int64_t> right;

  bool operator==(const Band&) const = default;
};

constexpr Band kCausal = {std::nullopt, 0};

class BandBound final : public MonotoneBound {
 public:
  BandBound(const Node& node, Band band, std::vector<int64_t> offsets,
            int64_t kv_len)
      : MonotoneBound(node),
        band_(band),
        offsets_(std::move(offsets)),
        kv_len_(kv_len) {}

  bool allowed(const PairIndex& pair) const override {
    const wide_int ahead = distance(pair);
    const bool in_left = !band_.left || ahead >= -wide_int{*band_.left};
    const bool in_right = !band_.right || ahead <= wide_int{*band_.right};
    return in_left && in_right;
  }

  std::string reason(const PairIndex& pair) const override {
    const wide_int ahead = distance(pair);
    const int64_t offset = offsets_[static_cast<size_t>(pair.batch)];
    const std::string stands =
        offset == 0 ? ""
                    : formatted(", which stands at position {}{}{}", pair.q,
                                offset > 0 ? "+" : "", offset);
    const bool after = ahead > 0;
    const wide_int gap = after ? ahead : -ahead;
    return formatted("key {} is {} query {}{}{}", pair.k,
                     gap == 0
                         ? std::string("at the place of")
                         : formatted("{} {}", clamp_wide(gap, 0, INT64_MAX),
                                     after ? "after" : "before"),
                     pair.q, stands, reach(ahead));
  }

  void slice_key(int64_t batch, int64_t /*head*/,
                 std::vector<int64_t>& key) const override {
    key.push_back(offsets_[static_cast<size_t>(batch)]);
  }

 protected:
  KeyInterval row_interval(int64_t batch, int64_t q) const override {
    const wide_int centre = wide_int{q} + offsets_[static_cast<size_t>(batch)];
    const wide_int begin = band_.left ? centre - *band_.left : wide_int{0};
    const wide_int end =
        band_.right ? centre + *band_.right + 1 : wide_int{kv_len_};
    return {clamp_wide(begin, 0, kv_len_), clamp_wide(end, 0, kv_len_)};
  }

 private:
  // How far the key lies after the query's position.
  wide_int distance(const PairIndex& pair) const {
    return wide_int{pair.k} - pair.q -
           offsets_[static_cast<size_t>(pair.batch)];
  }

  // How far a window goes on the side of the key. Nothing where the word alone
  // says it: causal.
  std::string reach(wide_int ahead) const {
    if (ahead < 0 && band_.left) {
      return formatted("; the window reaches {} back", *band_.left);
    }
    if (ahead > 0 && band_.right && band_ != kCausal) {
      return formatted("; the window reaches {} ahead", *band_.right);
    }
    return "";
  }

  Band band_;
  std::vector<int64_t> offsets_;  // [B]
  int64_t kv_len_;
};

// Which of the two words was said; causal is the band with right = 0.
enum class BandWord { causal, sliding_window };

class BandNode final : public Node {
 public:
  BandNode(BandWord word, Band band, Position position)
      : word_(word), band_(band), position_(std::move(position)) {
    check_position(word_name(), position_);
  }

  BoundNodePtr bind(const BindContext& context) const override {
    return std::make_shared<const BandBound>(
        *this, band_,
        resolve_offsets(word_name(), position_, context, Unsaid::refuse),
        context.shape.kv_len);
  }

  void write(TextWriter& writer) const override {
    writer.open(word_name());
    if (word_ == BandWord::sliding_window) {
      if (band_.left) writer.argument("left", *band_.left);
      if (band_.right) writer.argument("right", *band_.right);
    }
    writer.argument(position_);
    writer.close();
  }

  bool same_as(const Node& other) const override {
    const auto& band = static_cast<const BandNode&>(other);
    return word_ == band.word_ && band_ == band.band_ &&
           same_position(position_, band.position_);
  }

  const Position* said_position() const override {
    return says_something(position_) ? &position_ : nullptr;
  }

  Ahead ahead() const override {
    if (band_.right) return Ahead::limited;
    return band_.left ? Ahead::left_open : Ahead::unsaid;
  }

 private:
  std::string_view word_name() const {
    return word_ == BandWord::causal ? "causal" : "sliding_window";
  }

  BandWord word_;
  Band band_;
  Position position_;
};

void check_side(std::string_view side, const std::optional<int64_t>& keys) {
  if (!keys || *keys >= 0) return;
  fail(ErrorCode::invalid_argument, "mask",
       "sliding_window: {} is {}; expected a count of keys >= 0 (leave {} out "
       "for no limit on that side)",
       side, *keys, side);
}

}  // namespace
}  // namespace detail

Mask causal(const Position& position) {
  return detail::make_word<detail::BandNode>(detail::BandWord::causal,
                                             detail::kCausal, position);
}

Mask sliding_window(const WindowOptions& options) {
  detail::check_side("left", options.left);
  detail::check_side("right", options.right);
  return detail::make_word<detail::BandNode>(
      detail::BandWord::sliding_window,
      detail::Band{options.left, options.right},
      Position{options.align, options.offset});
}

}  // namespace maskwise
