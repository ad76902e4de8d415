#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "models/simulator.h"
#include "models/slots.h"

namespace metserve::models {

/// One annotated study as a data set holds it.
struct AnnotatedStudy {
  std::string name;
  std::map<Slot, SpatialImage> sequences;  ///< float32, any intensity unit and geometry; at least one
  SpatialImage truth;                      ///< not zero in lesions, on the grid of the first sequence
  bool simulated = false;                  ///< known to be the simulator's
  std::string patient{};  ///< whose studies the data set may hold several of; empty: not known to
};

/// A study that is there and has not been read.
struct DatasetStudy {
  std::string name;
  std::function<AnnotatedStudy()> read;  ///< throws Error(io) or Error(bad_input) that names the file
};

/// The studies of a data set in name order, recognised by their layout:
/// - BrainMetShare: `Mets_NNN/{0,1,2,3,seg}/NNN.png`, also below `mets_stanford_releaseMask_train`;
/// - BraTS-METS: `NAME/NAME-{t1c,t1n,t2f,seg}.nii.gz`;
/// - `metserve simulate --format nifti`: `NAME/study.json`.
/// `brats_t1c`: what BraTS-METS's T1 after contrast agent is; its hospitals used gradient and spin echoes.
/// Throws Error(io), or Error(bad_input) with the first thing that does not fit.
std::vector<DatasetStudy> dataset_studies(const std::filesystem::path& directory,
                                          Slot brats_t1c = Slot::t1_gre_post);

}  // namespace metserve::models
