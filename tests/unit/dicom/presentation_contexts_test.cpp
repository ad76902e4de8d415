#include "dicom/presentation_contexts.h"

#include "tests/catch.h"

namespace metserve::dicom {
namespace {

using Syntaxes = std::vector<std::string>;

const std::string implicit_le = "1.2.840.10008.1.2", explicit_le = "1.2.840.10008.1.2.1",
                  big_endian = "1.2.840.10008.1.2.2", jpeg_baseline = "1.2.840.10008.1.2.4.50",
                  jpeg_lossless = "1.2.840.10008.1.2.4.70", jpeg_ls = "1.2.840.10008.1.2.4.80",
                  jpeg_2000 = "1.2.840.10008.1.2.4.90", mpeg_4 = "1.2.840.10008.1.2.4.102",
                  rle = "1.2.840.10008.1.2.5";

TEST_CASE("What a sender has compressed without loss stays compressed", "[dicom][contexts]") {
  CHECK(choose_transfer_syntax(Syntaxes{implicit_le, explicit_le, jpeg_lossless}) == jpeg_lossless);
  CHECK(choose_transfer_syntax(Syntaxes{jpeg_ls, jpeg_lossless, implicit_le}) == jpeg_ls);
  CHECK(choose_transfer_syntax(Syntaxes{rle}) == rle);
}

TEST_CASE("Uncompressed is explicit little endian before implicit before big endian", "[dicom][contexts]") {
  CHECK(choose_transfer_syntax(Syntaxes{big_endian, implicit_le, explicit_le}) == explicit_le);
  CHECK(choose_transfer_syntax(Syntaxes{big_endian, implicit_le}) == implicit_le);
  CHECK(choose_transfer_syntax(Syntaxes{big_endian}) == big_endian);
}

TEST_CASE("Nobody is made to compress with loss", "[dicom][contexts]") {
  CHECK(choose_transfer_syntax(Syntaxes{jpeg_baseline, implicit_le}) == implicit_le);
  CHECK(choose_transfer_syntax(Syntaxes{jpeg_baseline}) == jpeg_baseline);
}

TEST_CASE("What cannot be decoded is not accepted", "[dicom][contexts]") {
  CHECK_FALSE(choose_transfer_syntax(Syntaxes{jpeg_2000, mpeg_4}));
  CHECK(choose_transfer_syntax(Syntaxes{jpeg_2000, implicit_le}) == implicit_le);
  CHECK_FALSE(choose_transfer_syntax(Syntaxes{}));
}

TEST_CASE("Implicit little endian is proposed beside what needs no decoder", "[dicom][contexts]") {
  const std::string seg = "1.2.840.10008.5.1.4.1.1.66.4";
  CHECK(proposals_for({seg, explicit_le}) ==
        std::vector<ProposedContext>{{seg, explicit_le}, {seg, implicit_le}});
  CHECK(proposals_for({seg, implicit_le}) == std::vector<ProposedContext>{{seg, implicit_le}});
  CHECK(proposals_for({seg, rle}) == std::vector<ProposedContext>{{seg, rle}});
}

}  // namespace
}  // namespace metserve::dicom
