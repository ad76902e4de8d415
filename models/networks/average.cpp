#include "models/networks/average.h"

#include <map>
#include <string>

#include "models/error.h"
#include "models/networks/network_file.h"
#include "models/precision.h"

namespace metserve::models {

Network average(const std::vector<Network>& networks) {
  if (networks.empty()) throw Error(Error::Kind::bad_input, "there are no weights to average");
  const std::string config = to_json(networks.front()->config());
  std::map<std::string, torch::Tensor> sums;
  for (const Network& network : networks) {
    if (to_json(network->config()) != config)
      throw Error(Error::Kind::bad_input, "these weights are of different networks, which have no average: " +
                                              config + " and " + to_json(network->config()));
    for (const auto& [key, value] : state_of(*network)) {
      const torch::Tensor wide = value.to(torch::kFloat64);
      const auto [sum, first] = sums.try_emplace(key, wide);
      if (!first) sum->second = sum->second + wide;
    }
  }
  for (auto& [key, sum] : sums) sum = sum / static_cast<double>(networks.size());
  const Network result = make_network(networks.front()->config());
  load_state(*result, sums);
  to_channels_last(*result);
  result->eval();
  return result;
}

}  // namespace metserve::models
