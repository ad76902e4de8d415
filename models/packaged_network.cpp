#include "models/packaged_network.h"

#include "models/error.h"
#include "models/networks/network_file.h"
#include "models/networks/torchscript.h"

namespace metserve::models {

std::filesystem::path ModelPackage::weights_file() const {
  return directory / (is_torchscript(manifest.network) ? "module.pt" : "weights.safetensors");
}

Network packaged_network(const ModelPackage& package) {
  const auto file = package.weights_file();
  if (is_torchscript(package.manifest.network)) return load_torchscript(file, package.manifest.network);
  Network network = load_network(file);
  if (!(network->config() == package.manifest.network))
    throw Error(Error::Kind::bad_input, file.string() + ": its network is " + to_json(network->config()) +
                                            ", but the manifest says " + to_json(package.manifest.network));
  return network;
}

}  // namespace metserve::models
