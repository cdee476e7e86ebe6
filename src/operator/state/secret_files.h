#pragma once

#include "operator/state/environment.h"
#include "operator/state/layout.h"
#include "platform/config/manifest.h"

namespace quantum::operate {

// Every secret of the platform in <state>/secrets (mode 0600, the service user's, in a folder of root's), as SECRET_…
// variables. One that NAME_FILE of the environment names is copied there; one that is missing is generated. Refused:
// - to generate one, or take another, while data exists that was made with the one before (kConflict, naming both);
// where
//   that data shows the secret it must be the same;
// - to generate the exchange's key and secret in a mode other than PAPER (kNotFound, naming the file to write).
Result<Variables> PrepareSecrets(const Layout& layout, const config::Manifest& manifest, const Accounts& accounts);

}  // namespace quantum::operate
