#include <cstdio>
#include <memory>
#include <string>

#include "models/anatomy_file.h"
#include "models/cache.h"
#include "models/tool/commands.h"

namespace metserve::models::tool {

void add_simulate(CLI::App& program) {
  struct Arguments {
    CacheOptions options;
    std::string output, anatomy, protocol = "mixed";
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = program.add_subcommand("simulate", "write a training cache of simulated studies");
  command->add_option("-o,--output", arguments->output, "directory to write to")->required();
  command->add_option("--anatomy", arguments->anatomy,
                      "directory of label maps (*.safetensors); procedural heads without it");
  command
      ->add_option("--protocol", arguments->protocol, "whose sequences: mixed, stanford, or oslo (no BRAVO)")
      ->check(CLI::IsMember({"mixed", "stanford", "oslo"}));
  command->add_option("--studies", arguments->options.studies, "how many");
  command->add_option("--first", arguments->options.first, "number of the first study");
  command->add_option("--seed", arguments->options.seed, "of the set");
  command->add_option("--min-lesions", arguments->options.simulator.min_lesions, "per study");
  command->add_option("--max-lesions", arguments->options.simulator.max_lesions, "per study");
  command->add_option("--motion-deg", arguments->options.simulator.motion_deg, "between series, per axis");
  command->add_option("--motion-mm", arguments->options.simulator.motion_mm, "between series, per axis");
  command->add_option("--random-contrasts", arguments->options.simulator.random_contrasts,
                      "share of studies with contrasts that no scanner gives; 0 for studies to measure on");
  command->add_option("--device", arguments->options.device, "cpu, cuda or cuda:N");
  command->callback([arguments] {
    arguments->options.simulator.hospital = *hospital_from_name(arguments->protocol);
    std::vector<Anatomy> anatomies;
    if (!arguments->anatomy.empty()) anatomies = read_anatomies(arguments->anatomy);
    build_cache(anatomies, arguments->options, arguments->output, [&](int done) {
      std::printf("%d of %d studies\n", done, arguments->options.studies);
      std::fflush(stdout);
    });
  });
}

}  // namespace metserve::models::tool
