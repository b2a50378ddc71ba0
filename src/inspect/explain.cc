// Why one pair is allowed or masked: the clauses that decide, and all of them
// as a tree.
#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include "base/format.h"
#include "inspect/token_label.h"
#include "maskwise/inspect.h"

namespace maskwise {
namespace detail {
namespace {

// Longest clause text in the tree and in the reason; a mask may have 64 KiB.
constexpr int64_t kLongestClause = 56;

// The reason names at most this many clauses.
constexpr size_t kMostDeciding = 4;

// A clause that decides, as the reason names it.
struct Deciding {
  const Clause* said =
      nullptr;                  // whose text is shown: the word, or ~ before it
  const Clause* why = nullptr;  // whose reason is shown
};

// Collects the clauses that give the whole its answer. In an `&` and in an `|`
// those are the parts of the same answer; a part of any other answer could be
// left out. A clause of one part (`~`, per_head) hands the question down. Where
// all parts of an `&` allow, or ..., the clause speaks for them.
void find_deciding(const Clause& clause, std::vector<Deciding>& out) {
  const std::vector<Clause>& parts = clause.children;
  const bool all_allow =
      std::ranges::all_of(parts, [](const Clause& p) { return p.allowed; });
  if (parts.empty() || (parts.size() > 1 && clause.allowed && all_allow)) {
    out.push_back({&clause, &clause});
    return;
  }
  if (parts.size() == 1 && parts[0].children.empty()) {
    const bool negated = parts[0].allowed != clause.allowed;
    out.push_back({negated ? &clause : &parts[0], &parts[0]});
    return;
  }
  for (const Clause& part : parts) {
    if (parts.size() == 1 || part.allowed == clause.allowed) {
      find_deciding(part, out);
    }
  }
}

std::string short_text(std::string_view text) {
  const Label label(text, Charset::unicode);
  if (label.columns() <= kLongestClause) return label.text();
  return label.first(kLongestClause - 3).text() + "...";
}

std::string reason_of(const Clause& tree) {
  std::vector<Deciding> deciding;
  find_deciding(tree, deciding);
  std::string reason = tree.allowed ? "allowed: " : "masked: ";
  // The whole expression needs no name when its parts agree.
  if (deciding[0].why == &tree && !tree.children.empty()) {
    return reason + tree.reason;
  }
  for (size_t i = 0; i < deciding.size() && i < kMostDeciding; ++i) {
    reason +=
        formatted("{}{}: {}", i > 0 ? "; " : "",
                  short_text(deciding[i].said->text), deciding[i].why->reason);
  }
  if (deciding.size() > kMostDeciding) {
    reason += formatted("; and {} more", deciding.size() - kMostDeciding);
  }
  return reason;
}

// The lines of a tree.
struct Branches {
  std::string_view fork;  // before a part that others follow
  std::string_view last;
  std::string_view pass;  // beside what hangs under a fork
};

Branches branches_of(Charset charset) {
  if (charset == Charset::ascii) return {"|- ", "`- ", "|  "};
  return {"\u251C\u2500 ", "\u2514\u2500 ", "\u2502  "};
}

struct TreeLine {
  bool allowed = false;
  std::string branch;  // the lines before the clause ...
  int64_t branch_columns = 0;
  Label text;
  std::string reason;
};

class TreeLines {
 public:
  explicit TreeLines(Charset charset)
      : charset_(charset), branches_(branches_of(charset)) {}

  // `branch` leads to the clause, `below` to what hangs under it.
  void add(const Clause& clause, const std::string& branch,
           const std::string& below, int64_t depth) {
    lines_.push_back({clause.allowed, branch, 3 * depth,
                      Label(clause.text, charset_).shortened(kLongestClause),
                      Label(clause.reason, charset_).text()});
    for (size_t i = 0; i < clause.children.size(); ++i) {
      const bool last = i + 1 == clause.children.size();
      add(clause.children[i],
          below + std::string(last ? branches_.last : branches_.fork),
          below + std::string(last ? "   " : branches_.pass), depth + 1);
    }
  }

  // Answer, clause and reason, each in its column.
  std::string text() const {
    int64_t widest = 0;
    for (const TreeLine& line : lines_) {
      widest = std::max(widest, line.branch_columns + line.text.columns());
    }
    std::string text;
    for (const TreeLine& line : lines_) {
      text += formatted("\n{:<5}  {}{}  {}", line.allowed, line.branch,
                        line.text.at_left(widest - line.branch_columns),
                        line.reason);
    }
    return text;
  }

 private:
  Charset charset_;
  Branches branches_;
  std::vector<TreeLine> lines_;
};

std::string quoted(const std::string& token, Charset charset) {
  if (token.empty()) return "";
  constexpr int64_t kLongestToken = 32;
  return formatted(" \"{}\"",
                   Label(token, charset).shortened(kLongestToken).text());
}

}  // namespace
}  // namespace detail

Explanation explain(const BoundMask& mask, const PairIndex& pair,
                    const TokenLabels& labels) {
  detail::check_labels(labels, mask.shape());
  Explanation result;
  result.pair = pair;
  result.tree = mask.clause(pair);
  result.q_token = detail::label_at(labels.q, pair.batch, pair.q);
  result.k_token = detail::label_at(labels.k, pair.batch, pair.k);
  result.allowed = result.tree.allowed;
  result.reason = detail::reason_of(result.tree);
  return result;
}

std::string to_string(const Explanation& explanation, Charset charset) {
  const PairIndex& pair = explanation.pair;
  detail::TreeLines tree(charset);
  tree.add(explanation.tree, "", "", 0);
  return detail::formatted(
      "query {}{} -> key {}{} (batch {}, head {}): {}\n{}\n{}", pair.q,
      detail::quoted(explanation.q_token, charset), pair.k,
      detail::quoted(explanation.k_token, charset), pair.batch, pair.head,
      explanation.allowed ? "allowed" : "masked",
      detail::Label(explanation.reason, charset).text(), tree.text());
}

std::ostream& operator<<(std::ostream& out, const Explanation& explanation) {
  return out << to_string(explanation);
}

}  // namespace maskwise
