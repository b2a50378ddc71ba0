#include "io/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <thread>

#include "maskwise/io.h"
#include "tests/base/thrown_error.h"
#include "tests/io/file_size_limit.h"
#include "tests/io/temporary_directory.h"
#include "tests/io/unprivileged.h"

namespace maskwise::detail {
namespace {

using testing::bytes_of;
using testing::TemporaryDirectory;
using testing::throws_error;

using Names = std::set<std::string>;

TEST(SaveText, WhatIsSavedIsLoaded) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("a.txt");
  for (const std::string& text :
       {std::string(), std::string("the cat sat\n"), std::string("a\0b", 3),
        std::string((1 << 20) - 1, 'x'), std::string(1 << 20, 'y'),
        std::string((1 << 20) + 1, 'z')}) {
    save_text(path, text);
    EXPECT_EQ(load_text(path), text) << text.size();
    EXPECT_EQ(bytes_of(path), text) << text.size();
  }
  EXPECT_EQ(directory.names(), Names{"a.txt"});
}

TEST(SaveText, ANewFileHasThePermissionsThatTheUmaskLeaves) {
  const TemporaryDirectory directory;
  const mode_t before = ::umask(027);
  save_text(directory.path("a"), "x");
  ::umask(before);
  struct stat status = {};
  ::stat(directory.path("a").c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

TEST(SaveText, AReplacedFileKeepsItsPermissions) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a", "old");
  ::chmod(path.c_str(), 0601);
  save_text(path, "new");
  struct stat status = {};
  ::stat(path.c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777U, 0601U);
  EXPECT_EQ(bytes_of(path), "new");
}

TEST(SaveText, ALinkStaysAndWhatItPointsToIsReplaced) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path("sub"));
  directory.file("sub/target", "old");
  std::filesystem::create_symlink("sub/target", directory.path("link"));
  std::filesystem::create_symlink("link", directory.path("link_to_link"));
  save_text(directory.path("link_to_link"), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(directory.path("link_to_link")));
  EXPECT_TRUE(std::filesystem::is_symlink(directory.path("link")));
  EXPECT_EQ(bytes_of(directory.path("sub/target")), "new");

  std::filesystem::create_symlink("sub/later", directory.path("dangling"));
  save_text(directory.path("dangling"), "first");
  EXPECT_EQ(bytes_of(directory.path("sub/later")), "first");
}

TEST(SaveText, AFileNameWithoutADirectoryIsInTheCurrentOne) {
  const TemporaryDirectory directory;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  save_text("plain", "x");
  std::filesystem::current_path(before);
  EXPECT_EQ(directory.names(), Names{"plain"});
}

TEST(SaveText, ALongNameLeavesRoomForTheTemporary) {
  const TemporaryDirectory directory;
  const std::string name(255, 'n');
  save_text(directory.path(name), "x");
  EXPECT_EQ(directory.names(), Names{name});
}

TEST(SaveText, WhereItCannotWriteItSaysWhy) {
  const TemporaryDirectory directory;
  const std::string file = directory.file("file", "");
  std::filesystem::create_symlink("loop", directory.path("loop"));
  const std::pair<std::string, std::string> cases[] = {
      {"", "[file] the file name is empty"},
      {directory.path(), "is a directory; expected a file"},
      {directory.path("new/"), "is a directory; expected a file"},
      {directory.path("missing/a"),
       "[file] cannot create a file in the directory '" +
           directory.path("missing") + "': No such file or directory"},
      {file + "/a", "Not a directory"},
      {directory.path("loop"), "Too many levels of symbolic links"},
      {directory.path(std::string(256, 'n')), "File name too long"},
      {std::string("a\0b", 3), "'a\\x00b' holds a null character"}};
  for (const auto& [path, fragment] : cases) {
    EXPECT_TRUE(
        throws_error(ErrorCode::io, fragment, [&] { save_text(path, "x"); }));
  }
  EXPECT_EQ(directory.names(), (Names{"file", "loop"}));
}

TEST(SaveText, AFullDiskLeavesTheOldFileAndNoTemporary) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a", "old");
  {
    const testing::FileSizeLimit limit(1000);
    EXPECT_TRUE(throws_error(
        ErrorCode::io, "[file] cannot write '" + path + "': File too large",
        [&] { save_text(path, std::string(5000, 'x')); }));
  }
  EXPECT_EQ(bytes_of(path), "old");
  EXPECT_EQ(directory.names(), Names{"a"});
}

TEST(SaveText, AFullDeviceIsAnError) {
  const testing::Unprivileged unprivileged;
  EXPECT_TRUE(throws_error(ErrorCode::io,
                           "cannot write '/dev/full': No space left on device; "
                           "free some space",
                           [] { save_text("/dev/full", "x"); }));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

TEST(SaveText, ADeviceIsWrittenInPlace) {
  const testing::Unprivileged unprivileged;
  save_text("/dev/null", "x");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(SaveText, APipeCarriesTheBytes) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("pipe");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const std::string text(300'000, 'p');
  std::thread writer([&] { save_text(path, text); });
  EXPECT_EQ(load_text(path), text);
  writer.join();
  EXPECT_TRUE(std::filesystem::is_fifo(path));
}

TEST(SaveText, ASignalInTheMiddleOfAWriteLosesNothing) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("pipe");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  std::string text(300'000, ' ');
  for (size_t i = 0; i < text.size(); ++i)
    text[i] = static_cast<char>(i / 1009);
  struct sigaction ignore = {};
  ignore.sa_handler = [](int) {};
  struct sigaction before = {};
  ::sigaction(SIGUSR1, &ignore, &before);

  std::thread writer([&] { save_text(path, text); });
  const Descriptor reader(::open(path.c_str(), O_RDONLY));
  // Once the pipe is full the writer waits in the middle of its first write,
  // which the signal then ends early.
  const int capacity = ::fcntl(reader.get(), F_GETPIPE_SZ);
  for (int waiting = 0; waiting < capacity;) {
    ::ioctl(reader.get(), FIONREAD, &waiting);
  }
  ::pthread_kill(writer.native_handle(), SIGUSR1);
  EXPECT_EQ(load_text("/proc/self/fd/" + std::to_string(reader.get())), text);
  writer.join();
  ::sigaction(SIGUSR1, &before, nullptr);
}

TEST(SaveText, AnOpenFileIsAppendedToAndNotCutOffFromItsReader) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("out", "first;");
  const Descriptor open(::open(path.c_str(), O_WRONLY));
  const std::string number = std::to_string(open.get());
  save_text("/proc/self/fd/" + number, "second;");
  save_text("/dev/fd/" + number, "third");
  EXPECT_EQ(bytes_of(path), "first;second;third");
  EXPECT_EQ(directory.names(), Names{"out"});
}

TEST(SaveText, AReadOnlyFileIsNotReplaced) {
  const testing::Unprivileged unprivileged;
  const TemporaryDirectory directory;
  const std::string path = directory.file("a", "old");
  ::chmod(path.c_str(), 0400);
  EXPECT_TRUE(throws_error(ErrorCode::io,
                           "Permission denied; check the permissions",
                           [&] { save_text(path, "new"); }));
  EXPECT_EQ(bytes_of(path), "old");
}

TEST(SaveText, ADirectoryWithoutPermissionIsAnError) {
  const testing::Unprivileged unprivileged;
  const TemporaryDirectory directory;
  const std::string closed = directory.path("closed");
  std::filesystem::create_directory(closed);
  ::chmod(closed.c_str(), 0500);
  EXPECT_TRUE(throws_error(ErrorCode::io, "Permission denied",
                           [&] { save_text(closed + "/a", "x"); }));
  ::chmod(closed.c_str(), 0700);
}

TEST(LoadText, WhatCannotBeReadSaysWhy) {
  const TemporaryDirectory directory;
  const std::pair<std::string, std::string> cases[] = {
      {"", "[file] the file name is empty"},
      {directory.path(), "is a directory; expected a file"},
      {directory.path("missing\n.txt"),
       "[file] cannot open '" + directory.path("missing\\n.txt") +
           "': No such file or directory; check the path"},
      {directory.path(std::string(256, 'n')), "File name too long"}};
  for (const auto& [path, fragment] : cases) {
    EXPECT_TRUE(
        throws_error(ErrorCode::io, fragment, [&] { load_text(path); }));
  }
}

TEST(LoadText, AnEndlessDeviceIsStopped) {
  const testing::Unprivileged unprivileged;
  EXPECT_TRUE(throws_error(ErrorCode::io,
                           "'/dev/zero' has more than 268435456 bytes",
                           [] { load_text("/dev/zero"); }));
}

TEST(LoadText, AFileWithoutPermissionIsAnError) {
  const testing::Unprivileged unprivileged;
  const TemporaryDirectory directory;
  const std::string path = directory.file("a", "x");
  ::chmod(path.c_str(), 0);
  EXPECT_TRUE(throws_error(ErrorCode::io,
                           "Permission denied; check the permissions",
                           [&] { load_text(path); }));
}

TEST(InputFile, KnowsItsSizeAndEndsWhereTheFileEnds) {
  const TemporaryDirectory directory;
  InputFile file(directory.file("a", "abcdef"), FileKind::regular);
  EXPECT_EQ(file.size(), 6);
  std::array<char, 8> buffer = {};
  file.read(buffer.data(), 4);
  EXPECT_EQ(std::string(buffer.data(), 4), "abcd");
  EXPECT_EQ(file.read_up_to(buffer.data(), 8), 2);
  EXPECT_EQ(file.read_up_to(buffer.data(), 8), 0);
  EXPECT_TRUE(throws_error(ErrorCode::io, "ended 3 bytes early",
                           [&] { file.read(buffer.data(), 3); }));
}

TEST(InputFile, APipeOrDeviceIsNoRegularFile) {
  const testing::Unprivileged unprivileged;
  const TemporaryDirectory directory;
  const std::string pipe = directory.path("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& path : {pipe, std::string("/dev/zero")}) {
    EXPECT_TRUE(throws_error(ErrorCode::io,
                             "'" + path + "' is a pipe or a device",
                             [&] { InputFile(path, FileKind::regular); }));
  }
}

TEST(OutputFile, WithoutCommitNothingRemains) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a", "old");
  {
    OutputFile file(path);
    file.write("new", 3);
    EXPECT_EQ(directory.names().size(), 2U);
  }
  EXPECT_EQ(bytes_of(path), "old");
  EXPECT_EQ(directory.names(), Names{"a"});
}

TEST(OutputFile, TheOldFileStandsUntilCommit) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a", "old");
  OutputFile file(path);
  file.write("n", 1);
  file.write("ew", 2);
  EXPECT_EQ(bytes_of(path), "old");
  file.commit();
  EXPECT_EQ(bytes_of(path), "new");
  EXPECT_EQ(directory.names(), Names{"a"});
}

TEST(OutputFile, ARenameThatFailsLeavesNoTemporary) {
  const TemporaryDirectory directory;
  OutputFile* file = new OutputFile(directory.path("a"));
  // Somebody puts a directory where the file should go.
  std::filesystem::create_directory(directory.path("a"));
  EXPECT_TRUE(throws_error(ErrorCode::io, "[file] cannot replace",
                           [&] { file->commit(); }));
  delete file;
  EXPECT_EQ(directory.names(), Names{"a"});
}

TEST(OutputFile, ATakenNameForTheTemporaryIsPassedOver) {
  const TemporaryDirectory directory;
  std::string taken;
  {
    const OutputFile file(directory.path("a"));
    taken = *directory.names().begin();
  }
  // The names are numbered: take the next one.
  const size_t start = taken.rfind('-') + 1;
  const int number = std::stoi(taken.substr(start));
  taken = taken.substr(0, start) + std::to_string(number + 1) + ".tmp";
  directory.file(taken, "of somebody else");
  save_text(directory.path("a"), "x");
  EXPECT_EQ(bytes_of(directory.path("a")), "x");
  EXPECT_EQ(bytes_of(directory.path(taken)), "of somebody else");
}

TEST(OutputFile, WritersOfOneFileDoNotDisturbEachOther) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("a");
  OutputFile first(path);
  OutputFile second(path);
  first.write("first", 5);
  second.write("second", 6);
  second.commit();
  first.commit();
  EXPECT_EQ(bytes_of(path), "first");
  EXPECT_EQ(directory.names(), Names{"a"});
}

}  // namespace
}  // namespace maskwise::detail
