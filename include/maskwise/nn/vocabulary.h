// Text as ids: how it is cut into symbols, and the number of each.
#ifndef MASKWISE_NN_VOCABULARY_H_
#define MASKWISE_NN_VOCABULARY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace maskwise::nn {

// What a symbol is.
enum class Split {
  characters,  // a code point of UTF-8
  blanks,      // what stands between spaces
};

// blanks when more than this share of the texts hold a space, else characters.
Split split_for(const std::vector<std::string>& texts, double share = 0);

// The symbols of a text. Throws Error that names the byte when the text is not
// UTF-8.
std::vector<std::string> split_text(std::string_view text, Split split);

// The text of symbols: with a space between them for blanks.
std::string join_symbols(const std::vector<std::string>& symbols, Split split);

struct VocabularyOptions {
  std::optional<Split> split = {};   // default: split_for() the texts
  std::optional<int64_t> most = {};  // symbols to keep, the commonest; >= 0
  int64_t least_count = 1;           // rarer symbols become unknown; >= 1
};

// Symbols <-> ids. The first four ids are no symbols of any text: no text can
// say padding or the end of a sentence, whatever it holds.
class Vocabulary {
 public:
  static constexpr int64_t kPad = 0;
  static constexpr int64_t kBegin = 1;
  static constexpr int64_t kEnd = 2;
  static constexpr int64_t kUnknown = 3;
  static constexpr int64_t kFirstSymbol = 4;

  // Numbers the symbols from kFirstSymbol on. Throws Error when one is empty,
  // is not UTF-8, or comes twice.
  explicit Vocabulary(Split split, std::vector<std::string> symbols = {});

  // The symbols of the texts, the commonest first; of equally common ones that
  // of the smaller bytes. The order of the texts plays no part. Throws Error
  // when a text is not UTF-8 or an option is outside its range.
  static Vocabulary from_texts(const std::vector<std::string>& texts,
                               const VocabularyOptions& options = {});

  Split split() const { return split_; }

  // Ids there are: the classes of a model.
  int64_t size() const;

  // kUnknown for a symbol that is not there.
  int64_t id_of(std::string_view symbol) const;

  // "<pad>", "<begin>", "<end>" and "<unknown>" for the first four. Throws
  // Error when there is no such id.
  const std::string& symbol_of(int64_t id) const;

  // The ids of a text's symbols, without begin and end. Throws Error when the
  // text is not UTF-8.
  std::vector<int64_t> encode(std::string_view text) const;

  // The text of ids up to the first end; padding and begin say nothing. Throws
  // Error when there is no such id.
  std::string decode(const std::vector<int64_t>& ids) const;

  // As JSON, {"format", "split", "symbols"}. load() throws Error (io) that
  // names the file and what is wrong with it.
  void save(const std::string& path) const;
  static Vocabulary load(const std::string& path);

 private:
  Split split_;
  std::vector<std::string> symbols_;  // by id, with the first four
  std::map<std::string, int64_t, std::less<>> ids_;
};

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_VOCABULARY_H_
