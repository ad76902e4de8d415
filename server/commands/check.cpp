#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>

#include "dicom/runtime.h"
#include "server/canary.h"
#include "server/commands/commands.h"
#include "server/config.h"
#include "server/destination.h"
#include "server/error.h"
#include "server/error_table.h"
#include "server/http_access.h"
#include "server/model_directory.h"
#include "server/posix_file.h"
#include "server/sqlite_check.h"
#include "server/start_check.h"
#include "server/storage_check.h"
#include "server/tls_check.h"

namespace metserve::server {
namespace {

/// Prints one line per thing looked at and remembers whether one was wrong.
class Checklist {
 public:
  /// `look` returns what it saw, or throws.
  void item(const std::string& name, const std::function<std::string()>& look) {
    try {
      std::printf("OK    %-16s %s\n", name.c_str(), look().c_str());
    } catch (const std::exception& error) {
      failed_ = true;
      std::printf("FAIL  %-16s %s\n", name.c_str(), reason_of(error).c_str());
    }
    std::fflush(stdout);
  }
  bool failed() const { return failed_; }

 private:
  bool failed_ = false;
};

int check(const std::filesystem::path& file, bool contents) {
  hide_new_files_from_others();
  const dicom::Runtime runtime;
  const Config config = load_config(file);
  Checklist list;
  list.item("configuration", [&] { return file.string(); });
  list.item("ports", [&] { return check_ports(config); });
  std::optional<models::ModelPackage> package;
  list.item("model", [&] {
    package =
        models::ModelPackage::load(model_directory(config.model.directory), config.model.allow_torchscript);
    return package->manifest.name + " " + package->manifest.version + ", weights " +
           package->manifest.weights_sha256.substr(0, 12);
  });
  list.item("device", [&] {
    if (!package) throw Error(Error::Kind::bad_call, "not tried: there is no model");
    run_canary(models::Segmenter(*package, config.workers.device));
    return config.workers.device + " answers as it should";
  });
  list.item("storage", [&] { return check_storage(config.storage); });
  list.item("store", [&] { return check_store(config.storage.directory, contents); });
  if (config.tls)
    list.item("dicom.tls", [&] { return check_tls(*config.tls, std::chrono::system_clock::now()); });
  if (!config.http.token_file.empty()) {
    list.item("http.token_file", [&] {
      const HttpAccess readable(config.http.token_file);
      return config.http.token_file.string();
    });
  }
  if (config.log.file) list.item("log.file", [&] { return check_appendable(*config.log.file); });
  if (config.audit.file) list.item("audit.file", [&] { return check_appendable(*config.audit.file); });
  for (const DestinationConfig& destination : config.destinations) {
    list.item(destination.name,
              [&] { return make_destination(destination, config.dicom.ae_title)->verify(); });
  }
  return list.failed() ? 1 : 0;
}

}  // namespace

void add_check(CLI::App& program, int& status) {
  auto file = std::make_shared<std::string>();
  CLI::App* command = program.add_subcommand(
      "check", "Say what is wrong with configuration, model, device, storage, access or peers");
  command->add_option("--config", *file, "Configuration, e.g. /etc/metserve/metserve.yaml")->required();
  auto contents = std::make_shared<bool>(false);
  command->add_flag("--contents", *contents, "Read every stored image and compare it with its hash");
  command->callback([file, contents, &status] { status = check(*file, *contents); });
}

}  // namespace metserve::server
