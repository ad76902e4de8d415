#include "server/model_directory.h"

#include "server/error.h"

namespace metserve::server {
namespace fs = std::filesystem;

fs::path model_directory(const std::optional<fs::path>& named) {
  if (named) {
    if (fs::is_directory(*named)) return *named;
    throw Error(Error::Kind::bad_call,
                named->string() + ": no model directory; it holds model.yaml and weights");
  }
  const fs::path program = fs::read_symlink("/proc/self/exe");
  fs::path bundled = program.parent_path().parent_path() / "share/metserve/models/bundled";
  if (fs::is_directory(bundled)) return bundled;
  throw Error(
      Error::Kind::bad_call,
      bundled.string() + ": the bundled model is not there; name one with --model or model.directory");
}

}  // namespace metserve::server
