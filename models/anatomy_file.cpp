#include "models/anatomy_file.h"

#include <string>

#include <torch/types.h>

#include "models/directory.h"
#include "models/error.h"
#include "models/safetensors.h"

namespace metserve::models {

Anatomy read_anatomy_tensors(const std::filesystem::path& file) {
  const Safetensors contents = read_safetensors(file);
  try {
    Anatomy anatomy;
    anatomy.name = contents.meta("name");
    anatomy.labels = contents.get("labels", torch::kInt16, {-1, -1, -1});
    anatomy.spacing_mm = std::stod(contents.meta("spacing_mm"));
    return anatomy;
  } catch (const Error& error) {
    throw Error(error.kind(), file.string() + ": " + error.what());
  } catch (const std::logic_error&) {
    throw Error(Error::Kind::bad_input, file.string() + ": metadata 'spacing_mm' is not a number");
  }
}

void write_anatomy_tensors(const Anatomy& anatomy, const std::filesystem::path& file) {
  Safetensors contents;
  contents.tensors["labels"] = anatomy.labels;
  contents.metadata = {{"name", anatomy.name}, {"spacing_mm", std::to_string(anatomy.spacing_mm)}};
  write_safetensors(contents, file);
}

std::vector<Anatomy> read_anatomies(const std::filesystem::path& directory) {
  std::vector<Anatomy> anatomies;
  for (const auto& file : files_in(directory, {".safetensors"}, "label map"))
    anatomies.push_back(read_anatomy_tensors(file));
  return anatomies;
}

}  // namespace metserve::models
