// What is in the folder of a training: which files, and how far it had come
// when it was stopped. Knows nothing of what the files hold.
#ifndef MASKWISE_CLI_TRAIN_FOLDER_H_
#define MASKWISE_CLI_TRAIN_FOLDER_H_

#include <string>

namespace maskwise::cli {

// What a training is told.
std::string settings_file(const std::string& folder);
// The training itself, to go on with.
std::string last_file(const std::string& folder);

enum class FolderState {
  fresh,          // absent or empty
  begun,          // stopped before it had anything to go on with: to begin anew
  without_model,  // with a training whose model is not there, or not yet
  under_way,      // with a model and the training it is of
  other,          // no training
};

// Whether it goes on from the training that is there.
bool resumes(FolderState state);

// What a kill left half written counts for nothing. Throws Error (io) for a
// model without its training, which beginning anew would write over.
FolderState state_of(const std::string& folder);

// Makes the folder where it is not there. Throws Error (io).
void make_folder(const std::string& folder);

// Keeps other trainings out of a folder: until it goes, or is killed. It is a
// lock of the folder itself, and no file.
class FolderLock {
 public:
  FolderLock() = default;
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  // Throws Error (io) when another training has the folder. One that is not
  // there, or on a file system that locks no folders, is not locked.
  void take(const std::string& folder);

 private:
  int descriptor_ = -1;
};

// Removes what a kill left half written; of the folder's only training.
void remove_half_written(const std::string& folder);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_TRAIN_FOLDER_H_
