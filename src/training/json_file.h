// JSON files that this library wrote, read with every surprise refused.
#ifndef MASKWISE_TRAINING_JSON_FILE_H_
#define MASKWISE_TRAINING_JSON_FILE_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace maskwise::nn::detail {

using Json = nlohmann::ordered_json;

// Reads one file; each member throws Error (io) "[operation] 'path': ..." when
// it finds something else than it is asked for.
class JsonFile {
 public:
  // Throws when the file is not JSON, or an object in it says a key twice.
  JsonFile(std::string_view operation, const std::string& path);

  [[noreturn]] void refuse(const std::string& what) const;

  // The text "format" must be this.
  void check_format(std::string_view expected) const;

  const Json& json() const { return json_; }
  std::string text(const char* key) const;
  std::vector<std::string> texts(const char* key) const;
  int64_t whole_number(const char* key) const;
  double number(const char* key) const;

 private:
  const Json& value(const char* key, bool (Json::*is)() const noexcept,
                    std::string_view kind) const;

  std::string operation_;
  std::string path_;
  Json json_;
};

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_TRAINING_JSON_FILE_H_
