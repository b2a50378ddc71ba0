// A directory that is removed, with all in it, at the end of a test.
#ifndef MASKWISE_TESTS_IO_TEMPORARY_DIRECTORY_H_
#define MASKWISE_TESTS_IO_TEMPORARY_DIRECTORY_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace maskwise::testing {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name =
        (std::filesystem::temp_directory_path() / "maskwise-test-XXXXXX")
            .native();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  // The path of `name` in it.
  std::string path(const std::string& name = "") const {
    return (path_ / name).native();
  }

  // Writes a file of these bytes and returns its path.
  std::string file(const std::string& name, const std::string& bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }

  // The names of what lies in it.
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      found.insert(entry.path().filename().native());
    }
    return found;
  }

 private:
  std::filesystem::path path_;
};

// Every byte of a file, read without the code under test.
inline std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_IO_TEMPORARY_DIRECTORY_H_
