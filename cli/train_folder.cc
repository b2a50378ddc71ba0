#include "train_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "maskwise/maskwise.h"

namespace maskwise::cli {
namespace {

namespace fs = std::filesystem;

bool is_there(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// A file that was being written, before its renaming: src/io/file.cc names it.
bool is_half_written(const fs::path& path) {
  const std::string name = path.filename().native();
  return name.starts_with(".maskwise-") && name.ends_with(".tmp");
}

std::vector<fs::path> content_of(const std::string& folder) {
  std::error_code error;
  std::vector<fs::path> content;
  for (fs::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    content.push_back(at->path());
  }
  if (error) {
    throw Error(ErrorCode::io, fmt::format("[train] cannot read '{}': {}",
                                           folder, error.message()));
  }
  return content;
}

bool is_fresh(const std::string& folder) {
  if (!is_there(folder)) return true;
  std::error_code error;
  if (!fs::is_directory(folder, error)) return false;
  for (const fs::path& path : content_of(folder)) {
    if (!is_half_written(path)) return false;
  }
  return true;
}

}  // namespace

std::string settings_file(const std::string& folder) {
  return folder + "/training.json";
}

std::string last_file(const std::string& folder) {
  return folder + "/last.safetensors";
}

FolderState state_of(const std::string& folder) {
  if (is_fresh(folder)) return FolderState::fresh;
  if (!is_there(settings_file(folder))) return FolderState::other;
  const bool has_last = is_there(last_file(folder));
  const bool has_model = is_there(folder + "/model.safetensors");
  if (has_model && !has_last) {
    throw Error(ErrorCode::io,
                fmt::format("[train] '{}' has a model but no "
                            "last.safetensors, from which a training goes on; "
                            "copy it back, or begin anew in another folder",
                            folder));
  }
  if (!has_last) return FolderState::begun;
  return has_model ? FolderState::under_way : FolderState::without_model;
}

bool resumes(FolderState state) {
  return state == FolderState::under_way || state == FolderState::without_model;
}

void make_folder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw Error(ErrorCode::io,
                fmt::format("[train] cannot make the folder '{}': {}", folder,
                            error.message()));
  }
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void FolderLock::take(const std::string& folder) {
  descriptor_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor_ < 0) return;
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  if (errno != EWOULDBLOCK) return;
  throw Error(ErrorCode::io,
              fmt::format("[train] another training is under way in '{}'; wait "
                          "for it, or choose another folder",
                          folder));
}

void remove_half_written(const std::string& folder) {
  std::error_code error;
  for (const fs::path& path : content_of(folder)) {
    if (is_half_written(path)) fs::remove(path, error);
  }
}

}  // namespace maskwise::cli
