#include "maskwise/nn/dataset.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/byte_digest.h"
#include "base/checked_math.h"
#include "base/fail.h"
#include "base/format.h"
#include "base/printable.h"
#include "maskwise/io.h"
#include "maskwise/nn/vocabulary.h"
#include "training/random.h"
#include "training/utf8.h"

namespace maskwise::nn {
namespace {

using maskwise::detail::fail;
using maskwise::detail::formatted;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string show(const std::string& path) {
  return maskwise::detail::printable(path, maskwise::detail::kLongestShownPath);
}

// A line of a file, and what it should be, for messages.
struct Place {
  std::string_view operation;
  std::string_view expected;
  const std::string& path;
  int64_t line = 0;
};

[[noreturn]] void refuse(const Place& place, const std::string& what) {
  fail(ErrorCode::io, place.operation, "'{}', line {}: {}; expected {}",
       show(place.path), place.line, what, place.expected);
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(' ') == std::string_view::npos;
}

TextPair pair_of(std::string_view line, const Place& place) {
  if (is_blank(line)) refuse(place, "the line is empty");
  const auto tabs = std::ranges::count(line, '\t');
  if (tabs != 1) {
    refuse(place, tabs == 0 ? "there is no tab"
                            : formatted("there are {} tabs", tabs));
  }
  const size_t tab = line.find('\t');
  const std::string_view source = line.substr(0, tab);
  const std::string_view target = line.substr(tab + 1);
  if (is_blank(source)) refuse(place, "the source is empty");
  if (is_blank(target)) refuse(place, "the target is empty");
  return {std::string(source), std::string(target)};
}

std::string text_of(std::string_view line, const Place& place) {
  const std::string_view text = line.substr(0, line.find('\t'));
  if (is_blank(text)) refuse(place, "there is no text");
  return std::string(text);
}

// Takes the first line off `text`, without its end.
std::string_view take_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// What `read` makes of each line of the file.
template <typename Read>
auto read_lines(const std::string& path, Place place, Read read) {
  const std::string text = load_text(path);
  std::string_view rest = text;
  if (rest.starts_with(kByteOrderMark)) {
    rest.remove_prefix(kByteOrderMark.size());
  }
  std::vector<decltype(read(rest, place))> found;
  while (!rest.empty()) {
    ++place.line;
    const std::string_view line = take_line(rest);
    if (const auto bad = detail::first_bad_byte(line)) {
      refuse(place, formatted("byte {}, 0x{:02x}, is not UTF-8", *bad + 1,
                              static_cast<unsigned char>(line[*bad])));
    }
    found.push_back(read(line, place));
  }
  if (found.empty()) {
    fail(ErrorCode::io, place.operation, "'{}' is empty; expected lines of {}",
         show(path), place.expected);
  }
  return found;
}

void check(const BatchOptions& options) {
  const bool limited = options.most_examples || options.most_tokens;
  if (!limited || options.most_examples.value_or(1) < 1 ||
      options.most_tokens.value_or(1) < 1) {
    fail(ErrorCode::invalid_argument, "batches",
         "{}; expected most_examples or most_tokens, at least 1",
         limited ? formatted("most_examples is {} and most_tokens {}",
                             options.most_examples.value_or(1),
                             options.most_tokens.value_or(1))
                 : "there is no limit");
  }
  if (options.epoch < 0) {
    fail(ErrorCode::invalid_argument, "batches",
         "epoch is {}; expected a number from 0 on", options.epoch);
  }
}

// What a batch has grown to.
class BatchSize {
 public:
  explicit BatchSize(const BatchOptions& options)
      : most_examples_(options.most_examples.value_or(kAny)),
        most_tokens_(options.most_tokens.value_or(kAny)) {}

  // Whether the example still fits; takes it if so.
  bool take(const ExampleLength& length) {
    const int64_t source = std::max(source_, length.source);
    const int64_t target = std::max(target_, length.target);
    const auto tokens =
        (maskwise::detail::wide_int{source} + target) * (examples_ + 1);
    if (examples_ == most_examples_ || tokens > most_tokens_) return false;
    source_ = source;
    target_ = target;
    ++examples_;
    return true;
  }

 private:
  static constexpr int64_t kAny = std::numeric_limits<int64_t>::max();

  int64_t most_examples_;
  int64_t most_tokens_;
  int64_t examples_ = 0;
  int64_t source_ = 0;  // the longest
  int64_t target_ = 0;
};

void check(const std::vector<ExampleLength>& lengths,
           const BatchOptions& options) {
  for (size_t i = 0; i < lengths.size(); ++i) {
    const auto& [source, target] = lengths[i];
    if (source < 0 || target < 0) {
      fail(ErrorCode::invalid_argument, "batches",
           "example {} has the lengths {} and {}; expected none below 0", i,
           source, target);
    }
    if (BatchSize(options).take(lengths[i])) continue;
    fail(ErrorCode::invalid_argument, "batches",
         "example {} has {} and {} tokens, and a batch may have {}; leave it "
         "out, cut it, or allow more",
         i, source, target, *options.most_tokens);
  }
}

}  // namespace

std::vector<TextPair> load_pairs(const std::string& path) {
  return read_lines(path, {"pairs", "a source, a tab and a target", path},
                    pair_of);
}

std::vector<std::string> load_texts(const std::string& path) {
  return read_lines(path, {"texts", "text, up to a tab", path}, text_of);
}

std::string digest(const std::vector<TextPair>& pairs) {
  maskwise::detail::ByteDigest digest;
  for (const TextPair& pair : pairs) {
    digest.add(pair.source + "\t");
    digest.add(pair.target + "\n");
  }
  return digest.text();
}

std::vector<std::string> sides(const std::vector<TextPair>& pairs,
                               std::string TextPair::*side) {
  std::vector<std::string> texts;
  texts.reserve(pairs.size());
  for (const TextPair& one : pairs) texts.push_back(one.*side);
  return texts;
}

std::vector<std::vector<int64_t>> batches(
    const std::vector<ExampleLength>& lengths, const BatchOptions& options) {
  check(options);
  check(lengths, options);
  detail::Random random(options.seed, static_cast<uint64_t>(options.epoch));
  std::vector<int64_t> order(lengths.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  detail::shuffle(order, random);
  const auto length_of = [&](int64_t i) {
    const ExampleLength& length = lengths[static_cast<size_t>(i)];
    return std::tuple(length.source, length.target);
  };
  // Equal lengths stay in the order of chance.
  std::ranges::stable_sort(order, {}, length_of);
  std::vector<std::vector<int64_t>> found;
  BatchSize size(options);
  for (const int64_t i : order) {
    const ExampleLength& length = lengths[static_cast<size_t>(i)];
    if (found.empty() || !size.take(length)) {
      found.emplace_back();
      size = BatchSize(options);
      size.take(length);
    }
    found.back().push_back(i);
  }
  detail::shuffle(found, random);
  return found;
}

Tensor padded_ids(const std::vector<std::vector<int64_t>>& ids) {
  static_assert(Vocabulary::kPad == 0, "a new tensor holds zeros");
  size_t longest = 0;
  for (const auto& one : ids) longest = std::max(longest, one.size());
  Tensor tensor(DType::i64, {std::ssize(ids), static_cast<int64_t>(longest)});
  auto* to = tensor.mutable_data<int64_t>();
  for (const auto& one : ids) {
    std::ranges::copy(one, to);
    to += longest;
  }
  return tensor;
}

}  // namespace maskwise::nn
