#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>

#include "exchange/paper/engine/engine_fixture.h"
#include "exchange/paper/protocol/rest.h"

namespace quantum::paper {

// The REST interface over the book of EngineFixture, asked with the account's key.
class RestTest : public EngineFixture {
 protected:
  RestTest() : streams({"BTCUSDT"}, hub), rest(Options(), engine, streams, hub) {}

  static RestOptions Options() {
    RestOptions options;
    options.api_key = "key";
    options.api_secret = "secret";
    return options;
  }
  RestAnswer Signed(const std::string& method, const std::string& path, std::string query, int64_t timestamp = kNow) {
    query += fmt::format("{}timestamp={}", query.empty() ? "" : "&", timestamp);
    query += "&signature=" + HmacSha256Hex("secret", query);
    return rest.Handle({method, path, query, "", "key"}, kNow);
  }
  static int Code(const RestAnswer& answer) {
    const boost::json::value value = boost::json::parse(answer.body);
    const boost::json::object* object = value.if_object();
    return object != nullptr && object->contains("code") ? static_cast<int>(object->at("code").as_int64()) : 0;
  }
  static boost::json::object Object(const RestAnswer& answer) { return boost::json::parse(answer.body).as_object(); }

  Hub hub;
  MarketStreams streams;
  Rest rest;
};

}  // namespace quantum::paper
