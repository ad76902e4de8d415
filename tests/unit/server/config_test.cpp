#include "server/config.h"

#include <fstream>

#include "server/error.h"
#include "tests/catch.h"

using namespace metserve::server;

namespace {

std::string mistakes_in(const std::string& text) {
  try {
    parse_config(text, "metserve.yaml");
  } catch (const Error& error) {
    CHECK(error.kind() == Error::Kind::bad_call);
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("An empty configuration is all defaults", "[server][config]") {
  const Config config = parse_config("", "metserve.yaml");
  CHECK(config.dicom.ae_title == "METSERVE");
  CHECK(config.dicom.port == 11112);
  CHECK(config.http.bind_address == "127.0.0.1");
  CHECK(config.study.quiet_time == std::chrono::seconds(60));
  CHECK(config.study.require_post_gd_t1);
  CHECK(config.destinations.empty());
  CHECK_FALSE(config.model.directory);
}

TEST_CASE("Values of the file replace the defaults", "[server][config]") {
  const Config config = parse_config(R"(
dicom: {ae_title: METS, port: 104,
  callers: [{ae_title: PACS, addresses: [192.0.2.0/24], certificate: pacs.local}, {ae_title: MR 1}],
  tls: {certificate: /etc/a.pem, key: /etc/a.key, trusted: /etc/ca.pem, crl: /etc/crl.pem, profile: bcp195}, limits: {max_dataset_mib: 8}}
study: {quiet_time_s: 5, required_sequences: [flair], minimum_match_confidence: 0.75}
model: {directory: /srv/model, threshold: 0.25}
workers: {count: 3, device: "cuda:1"}
storage: {directory: /data, min_free_mib: 100, retention_days: 2}
destinations:
  - {name: pacs, host: pacs.local, port: 4242, ae_title: PACS, objects: [report, seg, key_images],
     retry: {first_s: 2, cap_s: 9},
     tls: {trusted: /etc/ca.pem}}
http: {bind_address: 0.0.0.0, token_file: /etc/tokens}
audit: {file: /var/log/audit}
identity: {uid_root: 1.2.826.0.1, series_number_offset: 500}
results: {all_frames: true}
log: {level: debug, format: json}
)",
                                     "metserve.yaml");
  REQUIRE(config.dicom.callers.size() == 2);
  CHECK(config.dicom.callers[0].ae_title == "PACS");
  REQUIRE(config.dicom.callers[0].addresses.size() == 1);
  CHECK(config.dicom.callers[0].addresses[0].contains("192.0.2.9"));
  CHECK(config.dicom.callers[0].certificate == "pacs.local");
  CHECK(config.dicom.callers[1].ae_title == "MR 1");
  CHECK(config.dicom.callers[1].addresses.empty());
  REQUIRE(config.tls);
  CHECK(config.tls->certificate == "/etc/a.pem");
  CHECK(config.tls->crl == "/etc/crl.pem");
  CHECK(config.tls->profile == metserve::dicom::TlsProfile::bcp195);
  CHECK(config.http.token_file == "/etc/tokens");
  CHECK(config.audit.file == "/var/log/audit");
  CHECK(config.dicom.max_dataset_bytes == std::size_t{8} << 20);
  CHECK((config.study.required_sequences == std::vector{metserve::models::Slot::flair}));
  CHECK(config.study.minimum_match_confidence == 0.75);
  CHECK(config.model.rule.threshold == 0.25);
  CHECK(config.workers.device == "cuda:1");
  CHECK(config.storage.min_free_bytes == std::uint64_t{100} << 20);
  CHECK(config.storage.retention == std::chrono::hours(48));
  REQUIRE(config.destinations.size() == 1);
  CHECK((config.destinations[0].objects ==
         std::vector{ObjectKind::report, ObjectKind::segmentation, ObjectKind::key_images}));
  REQUIRE(config.destinations[0].tls);
  CHECK(config.destinations[0].tls->trusted == "/etc/ca.pem");
  CHECK(config.destinations[0].retry.cap == std::chrono::seconds(9));
  CHECK(config.identity.uid_root == "1.2.826.0.1");
  CHECK(config.results.all_frames);
  CHECK(config.log.format == LogFormat::json);
}

TEST_CASE("An unknown key is refused with its line and the nearest valid name", "[server][config]") {
  CHECK(mistakes_in("dicom:\n  prot: 104\n") ==
        "metserve.yaml:2: dicom.prot: unknown key; did you mean 'port'?");
  CHECK(mistakes_in("worker:\n  count: 2\n") ==
        "metserve.yaml:1: worker: unknown key; did you mean 'workers'?");
  CHECK(mistakes_in("http:\n  zzzzzzzzzz: 1\n") ==
        "metserve.yaml:2: http.zzzzzzzzzz: unknown key; valid are bind_address, port, token_file");
}

TEST_CASE("A wrong type or a value out of range is refused with what would be right", "[server][config]") {
  CHECK(mistakes_in("dicom:\n  port: eleven\n") ==
        "metserve.yaml:2: dicom.port: must be a whole number from 0 to 65535, is 'eleven'");
  CHECK(mistakes_in("dicom:\n  port: 65536\n") ==
        "metserve.yaml:2: dicom.port: must be a whole number from 0 to 65535, is '65536'");
  CHECK(mistakes_in("dicom:\n  port: \"104\"\n") ==
        "metserve.yaml:2: dicom.port: must be a whole number from 0 to 65535, is '104'");
  CHECK(mistakes_in("study:\n  minimum_match_confidence: 1.5\n") ==
        "metserve.yaml:2: study.minimum_match_confidence: must be a number from 0 to 1, is '1.5'");
  CHECK(mistakes_in("study: 7\n") == "metserve.yaml:1: study: must be a mapping of keys, is '7'");
  CHECK(mistakes_in("dicom:\n  require_called_ae_title: maybe\n") ==
        "metserve.yaml:2: dicom.require_called_ae_title: must be true or false, is 'maybe'");
  CHECK(mistakes_in("study:\n  required_sequences: [flare]\n") ==
        "metserve.yaml:2: study.required_sequences: unknown value 'flare'; did you mean 'flair'?");
  CHECK(mistakes_in("log:\n  level: verbose\n") ==
        "metserve.yaml:2: log.level: unknown value 'verbose'; valid are debug, info, warning, error");
  CHECK(mistakes_in("workers:\n  device: gpu\n") ==
        "metserve.yaml:2: workers.device: must be cpu, cuda or cuda:N, is 'gpu'");
  CHECK(mistakes_in("http:\n  bind_address: localhost\n") ==
        "metserve.yaml:2: http.bind_address: must be an IP address, is 'localhost'");
  CHECK(mistakes_in("storage:\n  directory: here\n") ==
        "metserve.yaml:2: storage.directory: must be an absolute path, is 'here'");
  CHECK(mistakes_in("log:\n  file: metserve.log\n") ==
        "metserve.yaml:2: log.file: must be an absolute path, is 'metserve.log'");
  CHECK(mistakes_in("model:\n  threshold: 0\n") ==
        "metserve.yaml:2: model.threshold: must be a number from 0.001 to 0.999, is '0'");
  CHECK(mistakes_in("identity:\n  uid_root: 1.2.03\n").find("metserve.yaml:2: identity.uid_root: must be") ==
        0);
  CHECK(mistakes_in("dicom:\n  ae_title: MUCH TOO LONG A TITLE\n").find("1 to 16") != std::string::npos);
}

TEST_CASE("All mistakes are reported at once, one line each", "[server][config]") {
  CHECK(mistakes_in("dicom:\n  port: x\nhttp:\n  prt: 1\n") ==
        "metserve.yaml:2: dicom.port: must be a whole number from 0 to 65535, is 'x'\n"
        "metserve.yaml:4: http.prt: unknown key; did you mean 'port'?");
}

TEST_CASE("A key that is given twice is refused", "[server][config]") {
  CHECK(mistakes_in("http:\n  port: 1\n  port: 2\n") == "metserve.yaml:3: http.port: is given twice");
}

TEST_CASE("Certificates are looked at only where callers show them", "[server][config]") {
  CHECK_THAT(mistakes_in("dicom:\n  callers: [{ae_title: A, certificate: a.local}]\n"),
             Catch::Contains("dicom.callers: name certificates"));
  CHECK_THAT(mistakes_in("dicom:\n  tls: {certificate: /a.pem, key: /a.key, crl: /crl.pem}\n"),
             Catch::Contains("dicom.tls.crl: needs trusted"));
}

TEST_CASE("A destination says what it lacks", "[server][config]") {
  const std::string text = mistakes_in("destinations:\n  - name: pacs\n    host: a\n    port: 104\n");
  CHECK(text ==
        "metserve.yaml:2: destinations[0].ae_title: is missing: a destination needs name, host, port and "
        "ae_title, or name and url");
  CHECK(mistakes_in("destinations:\n  - {name: a, host: b, port: 1, ae_title: C}\n"
                    "  - {name: a, host: b, port: 1, ae_title: C}\n") ==
        "metserve.yaml:3: destinations[1].name: 'a' is taken by another destination");
  CHECK(mistakes_in("destinations:\n  - {name: a, host: b, port: 1, ae_title: C, objects: []}\n") ==
        "metserve.yaml:2: destinations[0].objects: must name at least one of seg, rtstruct, report, "
        "probability, key_images, axial");
  CHECK(mistakes_in(
            "destinations:\n  - {name: a, host: b, port: 1, ae_title: C, retry: {first_s: 9, cap_s: 3}}\n") ==
        "metserve.yaml:2: destinations[0].retry.cap_s: must not be below first_s");
}

TEST_CASE("A DICOMweb destination has an address instead of a node's keys", "[server][config]") {
  const Config config =
      parse_config("destinations:\n  - {name: web, url: 'https://a.example/dicom-web/', ca_file: /ca.pem}\n",
                   "metserve.yaml");
  CHECK(config.destinations.at(0).url == "https://a.example/dicom-web");
  CHECK(mistakes_in("destinations:\n  - {name: web, url: 'https://a', port: 104}\n") ==
        "metserve.yaml:2: destinations[0].port: does not go with url");
  CHECK(mistakes_in("destinations:\n  - {name: web, url: 'https://a', storage_commitment: true}\n") ==
        "metserve.yaml:2: destinations[0].storage_commitment: does not go with url");
  CHECK(mistakes_in("destinations:\n  - {name: a, host: b, port: 1, ae_title: C, ca_file: /ca.pem}\n") ==
        "metserve.yaml:2: destinations[0].ca_file: belongs to a destination with url");
  CHECK_THAT(mistakes_in("destinations:\n  - {name: web, url: 'ftp://a'}\n"),
             Catch::Contains("destinations[0].url: must be an http or https address"));
  CHECK_THAT(mistakes_in("destinations:\n  - {name: web, url: 'https://a', ca_file: ca.pem}\n"),
             Catch::Contains("destinations[0].ca_file: must be an absolute path"));
}

TEST_CASE("A password in an address is refused and not repeated", "[server][config]") {
  for (const char* url :
       {"https://user:hunter2@host/dicom-web", "https://hunter2@host", "http://user:hunter2@h:1"}) {
    const std::string text =
        mistakes_in("destinations:\n  - name: web\n    url: '" + std::string(url) + "'\n");
    CHECK_THAT(text,
               Catch::StartsWith("metserve.yaml:3: destinations[0].url: must hold no user and password") &&
                   Catch::Contains("authorization_file") && !Catch::Contains("hunter2"));
  }
  CHECK(mistakes_in("destinations:\n  - {name: web, url: 'https://host/a@b'}\n").empty());
  CHECK_THAT(mistakes_in("destinations:\n  - {name: web, url: 'https:///user:hunter2@host'}\n"),
             Catch::Contains("must be an http or https address") && !Catch::Contains("hunter2"));
}

TEST_CASE("A destination's host is a name or an IPv4 address", "[server][config]") {
  const auto mistake = [](const std::string& host) {
    return mistakes_in("destinations:\n  - {name: a, host: '" + host + "', port: 104, ae_title: C}\n");
  };
  const std::string longest(59, 'a');
  for (const std::string& host : {std::string("pacs"), std::string("pacs-1.example.org"),
                                  std::string("PACS_1"), std::string("192.0.2.1"), longest})
    CHECK(mistake(host).empty());
  for (const std::string& host :
       {std::string("pacs:104 x"), std::string("pacs 1"), std::string("pacs/1"), std::string("::1"),
        std::string("2001:db8::1"), std::string("[::1]"), std::string("192.0.2.256"), std::string("192.0.2"),
        std::string("a..b"), std::string("."), longest + "a"})
    CHECK(
        mistake(host) ==
        "metserve.yaml:2: destinations[0].host: must be a name or an IPv4 address, with the port at most 63 "
        "characters, is '" +
            host + "'");
}

TEST_CASE("A UID root begins as UIDs do", "[server][config]") {
  const auto mistake = [](const std::string& root) {
    return mistakes_in("identity: {uid_root: '" + root + "'}\n");
  };
  for (const char* root : {"2.25", "1.2.840.113619", "0.39", "1.0", "2.999", "1.3.6.1.4.1.9590"})
    CHECK(mistake(root).empty());
  for (const char* root :
       {"12345.99", "3.1", "1.40", "0.100", "1", "2", "1.2.", ".1.2", "1..2", "1.2.03", "1.02", "a.1"})
    CHECK_THAT(mistake(root), Catch::StartsWith("metserve.yaml:1: identity.uid_root: must be a UID root") &&
                                  Catch::EndsWith("is '" + std::string(root) + "'"));
}

TEST_CASE("A second document is refused, wherever it stands", "[server][config]") {
  const std::string problem =
      "a second YAML document begins (---, or a mark that stands where none may), which nobody would read: "
      "make it one";
  CHECK(mistakes_in("dicom: {port: 104}\n---\nhttp: {port: 1}\n") == "metserve.yaml:2: " + problem);
  CHECK(mistakes_in("# first\n---\n# second\n---\nhttp: {port: 1}\n") == "metserve.yaml:4: " + problem);
  CHECK(mistakes_in(",") == "metserve.yaml:1: " + problem);
  CHECK(mistakes_in("dicom: {prot: 1}\n---\nhttp: {port: 1}\n") ==
        "metserve.yaml:1: dicom.prot: unknown key; did you mean 'port'?\nmetserve.yaml:2: " + problem);
  for (const char* text : {"---\ndicom: {port: 104}\n", "dicom: {port: 104}\n...\n", "# nothing\n", "---\n"})
    CHECK(mistakes_in(text).empty());
}

TEST_CASE("Rules of the site about series are read and checked", "[server][config]") {
  const Config config = parse_config(R"(
study:
  series_rules:
    - {description: "*research*", sequence: none}
    - {protocol: "mets*", station: MR2, sequence: t1_se_post}
)",
                                     "metserve.yaml");
  REQUIRE(config.study.series_rules.size() == 2);
  CHECK(config.study.series_rules[0].description == "*research*");
  CHECK_FALSE(config.study.series_rules[0].slot);
  CHECK(config.study.series_rules[1].station == "MR2");
  CHECK(config.study.series_rules[1].slot == metserve::models::Slot::t1_se_post);
  CHECK(mistakes_in("study:\n  series_rules:\n    - {sequence: flair}\n")
            .find("study.series_rules[0].description: is missing") != std::string::npos);
  CHECK(mistakes_in("study:\n  series_rules:\n    - {station: MR2}\n")
            .find("study.series_rules[0].sequence: is missing") != std::string::npos);
  CHECK(mistakes_in("study:\n  series_rules:\n    - {station: MR2, sequence: t1_se_pos}\n")
            .find("t1_se_post") != std::string::npos);
}

TEST_CASE("What is not YAML is refused with its line", "[server][config]") {
  CHECK(mistakes_in("dicom:\n  port: [1\n").find("metserve.yaml:3: not YAML: ") == 0);
}

TEST_CASE("A configuration that cannot be read is named", "[server][config]") {
  CHECK_THROWS_WITH(load_config("/nonexistent/metserve.yaml"),
                    "/nonexistent/metserve.yaml: cannot be read; name the configuration with --config");
}

TEST_CASE("The sample configuration shows every default, and its examples are valid", "[server][config]") {
  const std::filesystem::path file = std::filesystem::path(METSERVE_SOURCE_DIR) / "deploy/metserve.yaml";
  const Config sample = load_config(file);
  const Config defaults;
  CHECK(sample.dicom.ae_title == defaults.dicom.ae_title);
  CHECK(sample.dicom.port == defaults.dicom.port);
  CHECK(sample.dicom.max_dataset_bytes == defaults.dicom.max_dataset_bytes);
  CHECK(sample.study.quiet_time == defaults.study.quiet_time);
  CHECK(sample.workers.stop_grace == defaults.workers.stop_grace);
  CHECK(sample.storage.directory == defaults.storage.directory);
  CHECK(sample.storage.min_free_bytes == defaults.storage.min_free_bytes);
  CHECK(sample.storage.retention == defaults.storage.retention);
  CHECK(sample.identity.uid_root == defaults.identity.uid_root);

  // The same file with its commented keys (two or more spaces, '# ', a key) switched on.
  std::ifstream stream(file);
  std::string uncommented;
  for (std::string line; std::getline(stream, line);) {
    const std::size_t mark = line.find("# ");
    const bool indented = mark != std::string::npos && mark >= 2 && line.find_first_not_of(' ') == mark;
    const std::string rest = indented ? line.substr(mark + 2) : "";
    const bool key =
        rest.find_first_of("-abcdefghijklmnopqrstuvwxyz_ ") == 0 && rest.find(": ") != std::string::npos;
    const bool opens = rest == "  retry:";
    uncommented += (key || opens ? line.substr(0, mark) + rest : line) + "\n";
  }
  const Config all = parse_config(uncommented, "sample");
  REQUIRE(all.destinations.size() == 2);
  CHECK(all.destinations[0].retry.cap == RetryConfig{}.cap);
  REQUIRE(all.study.series_rules.size() == 2);
  CHECK_FALSE(all.study.series_rules[0].slot);
  CHECK(all.study.series_rules[1].station == "MR2");
  CHECK(all.model.directory);
  CHECK(all.model.rule.threshold == 0.5);
  CHECK(all.model.rule.minimum_roundness == 0.45);
  CHECK(all.log.file);
}
