// Reading files and replacing them atomically, with every system error
// checked. Knows nothing of what the files hold.
#ifndef MASKWISE_IO_FILE_H_
#define MASKWISE_IO_FILE_H_

#include <cstdint>
#include <string>

namespace maskwise::detail {

// An open file descriptor that is closed when it goes out of scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void reset(int fd);

  // Closes it now; false, with errno, when the system reports an error.
  bool close();

 private:
  int fd_;
};

// What may be opened for reading.
enum class FileKind {
  any,      // also a pipe or a terminal
  regular,  // a file whose size is known
};

// A file that is read from its start to its end. A directory, a missing file
// or one that is not of the wanted kind throws Error (io).
class InputFile {
 public:
  InputFile(const std::string& path, FileKind kind);

  // Bytes, as known when it was opened; 0 for a pipe.
  int64_t size() const { return size_; }

  // Fills `out`; fewer bytes than asked for only at the end of the file.
  // Returns their number. Throws Error (io).
  int64_t read_up_to(void* out, int64_t bytes);

  // Fills `out` wholly. Throws Error (io), also when the file ends early.
  void read(void* out, int64_t bytes);

 private:
  std::string shown_;
  Descriptor descriptor_{-1};
  int64_t size_ = 0;
};

// Writes a file beside `path` and renames it over `path` in commit(), so that
// `path` holds either its old bytes or all of the new ones; without commit()
// nothing remains. The file at the end of symbolic links is the one replaced,
// and keeps its permissions. What is no regular file (/dev/stdout, a pipe) is
// written in place. Every function throws Error (io).
class OutputFile {
 public:
  explicit OutputFile(const std::string& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const void* data, int64_t bytes);
  void commit();

 private:
  void open_beside();
  void open_in_place();

  std::string shown_;
  std::string target_;
  std::string temporary_;  // empty: nothing to rename or remove
  Descriptor descriptor_{-1};
};

}  // namespace maskwise::detail

#endif  // MASKWISE_IO_FILE_H_
