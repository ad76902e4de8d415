#include "models/data/dataset.h"

#include "models/data/brainmetshare.h"
#include "models/data/brats.h"
#include "models/data/simulated_study_files.h"
#include "models/directory.h"
#include "models/error.h"

namespace metserve::models {
namespace {

namespace fs = std::filesystem;

AnnotatedStudy read_simulated(const fs::path& folder) {
  SimulatedStudy simulated = read_study_nifti(folder);
  AnnotatedStudy study{simulated.name, {}, std::move(simulated.truth), true};
  for (SimulatedSequence& sequence : simulated.sequences)
    study.sequences.emplace(sequence.slot, std::move(sequence.image));
  return study;
}

/// The folder that holds one folder a study.
fs::path root_of(const fs::path& directory) {
  const fs::path released = directory / "mets_stanford_releaseMask_train";
  return fs::is_directory(released) ? released : directory;
}

std::function<AnnotatedStudy()> reader_of(const fs::path& folder, Slot brats_t1c) {
  if (is_brainmetshare(folder)) return [folder] { return read_brainmetshare(folder); };
  if (is_brats(folder)) return [folder, brats_t1c] { return read_brats(folder, brats_t1c); };
  if (fs::exists(folder / "study.json")) return [folder] { return read_simulated(folder); };
  throw Error(Error::Kind::bad_input,
              folder.string() +
                  ": is no study of BrainMetShare (0/NNN.png and seg/NNN.png), of BraTS-METS (*-t1c.nii.gz "
                  "and *-seg.nii.gz) or of metserve simulate --format nifti (study.json)");
}

}  // namespace

std::vector<DatasetStudy> dataset_studies(const fs::path& directory, Slot brats_t1c) {
  std::vector<DatasetStudy> studies;
  for (const fs::path& folder : folders_in(root_of(directory), "study"))
    studies.push_back({folder.filename().string(), reader_of(folder, brats_t1c)});
  return studies;
}

}  // namespace metserve::models
