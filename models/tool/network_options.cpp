#include "models/tool/network_options.h"

#include <sstream>

#include "models/slot_list.h"

namespace metserve::models::tool {

SlotSet slots_in(const std::string& text) {
  std::vector<std::string> ids;
  std::istringstream stream(text);
  for (std::string id; std::getline(stream, id, ',');) ids.push_back(id);
  return slots_from_ids(ids);
}

void add_network_options(CLI::App& command, NetworkConfig& network) {
  const std::vector<std::string> names(network_names.begin(), network_names.end());
  CLI::App* c = &command;
  c->add_option("--network", network.network, "fusion of the sequences")->check(CLI::IsMember(names));
  c->add_option("--backbone", network.backbone, "resnet18, resnet34, resnet50 or resnet101");
  c->add_option("--output-stride", network.output_stride, "4, 8 or 16");
  c->add_option("--width", network.width, "channels of the first stage");
  c->add_option("--aspp-channels", network.aspp_channels, "channels of the ASPP and the head");
  CLI::Option* slices = c->add_option("--slices", network.slices, "per sequence, odd")
                            ->default_str("the paper's: 5, googlenet 7");
  c->add_option("--dropout-level", network.dropout_level, "of mid- and end-level networks: join or input");
  c->add_option("--end-join", network.end_join, "of the outputs of end-level networks: mean or sum");
  c->add_flag("--difference-alone", network.difference_alone, "mid-subtract without BRAVO and FLAIR");
  c->add_option_function<std::string>(
      "--subset", [&network](const std::string& text) { network.subset = slots_in(text); },
      "sequences to use, ids separated by commas; all without it");
  c->parse_complete_callback([&network, slices] {
    if (slices->count() == 0) network.slices = paper_slices(network.network);
  });
}

}  // namespace metserve::models::tool
