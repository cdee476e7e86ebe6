#pragma once

#include <string>

#include "platform/http/client.h"
#include "platform/http/url.h"

namespace quantum::http {

// The whole request as it goes on the wire, with Host, X-Correlation-ID, Content-Length and what else a client adds.
// Framing headers of the caller are ignored; characters that could smuggle a header are kInvalidArgument.
Result<std::string> SerializeRequest(const ClientRequest& request, const Url& url);

}  // namespace quantum::http
