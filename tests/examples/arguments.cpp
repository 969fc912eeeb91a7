#include "../../examples/support/arguments.hpp"

#include "../../examples/support/interrupt.hpp"
#include "../../examples/support/progress.hpp"

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

struct settings {
    double seconds = 90;
    std::size_t count = 100;
    std::optional<int> digit;
    std::string out = "gallery";
    std::string sampler = "ddim";

    std::optional<int> read(std::vector<const char*> words) {
        examples::arguments line("test", "A test.");
        line.number("--seconds", seconds, "time", 0.0, 1e6);
        line.number("--count", count, "pictures", std::size_t(1), std::size_t(10000));
        line.number("--class", digit, "digit", 0, 9);
        line.text("--out", out, "folder");
        line.choice("--sampler", sampler, "which", {"ddim", "ddpm"});
        words.insert(words.begin(), "test");
        return line.parse(int(words.size()), words.data());
    }
};

}  // namespace

TEST_CASE("options set what they name and leave the rest alone") {
    settings s;
    CHECK_FALSE(s.read({"--seconds", "1.5", "--class=7", "--sampler", "ddpm"}).has_value());
    CHECK(s.seconds == 1.5);
    CHECK(s.digit == 7);
    CHECK(s.sampler == "ddpm");
    CHECK(s.count == 100);
    CHECK(s.out == "gallery");
}

TEST_CASE("a mistake on the command line ends with exit code 2 and changes nothing") {
    const std::vector<std::vector<const char*>> mistakes{{"--secods", "3"},
                                                         {"--seconds"},
                                                         {"--seconds", "soon"},
                                                         {"--seconds", "nan"},
                                                         {"--seconds", "1e999"},
                                                         {"--seconds", "3s"},
                                                         {"--seconds", "-1"},
                                                         {"--count", "0"},
                                                         {"--count", "-1"},
                                                         {"--count", "2.5"},
                                                         {"--class", "12"},
                                                         {"--class", ""},
                                                         {"--sampler", "euler"},
                                                         {"--out", ""},
                                                         {"digits"},
                                                         {"-x"},
                                                         {"--count=99999"},
                                                         {"--seconds=", "10"},
                                                         {"--count", "1e3"}};
    for (const auto& words : mistakes) {
        settings s;
        CAPTURE(words.front());
        CHECK(s.read(words) == 2);
        CHECK(s.seconds == 90);
        CHECK(s.count == 100);
        CHECK_FALSE(s.digit.has_value());
    }
}

TEST_CASE("words without a name go to their places, wherever options stand between them") {
    std::string from, to;
    int n = 0;
    examples::arguments line("test", "A test.");
    line.place("FROM", from, "here");
    line.place("TO", to, "there");
    line.number("--n", n, "number", 0, 9);
    const auto parse = [&](std::vector<const char*> words) {
        words.insert(words.begin(), "test");
        return line.parse(int(words.size()), words.data());
    };
    CHECK_FALSE(parse({"a", "--n", "3", "b"}).has_value());
    CHECK(from == "a");
    CHECK(to == "b");
    CHECK(n == 3);
    CHECK(parse({"a"}) == 2);            // one is missing
    CHECK(parse({"a", "b", "c"}) == 2);  // one too many
}

TEST_CASE("a flag is on where it is given, and takes no value") {
    bool quick = false;
    int n = 0;
    examples::arguments line("test", "A test.");
    line.flag("--quick", quick, "in seconds");
    line.number("--n", n, "number", 0, 9);
    const auto parse = [&](std::vector<const char*> words) {
        words.insert(words.begin(), "test");
        return line.parse(int(words.size()), words.data());
    };
    CHECK_FALSE(parse({"--n", "3"}).has_value());
    CHECK_FALSE(quick);
    CHECK(parse({"--quick=yes"}) == 2);
    CHECK_FALSE(quick);
    CHECK_FALSE(parse({"--quick", "--n", "4"}).has_value());
    CHECK(quick);
    CHECK(n == 4);
}

TEST_CASE("help is no mistake") {
    settings s;
    CHECK(s.read({"--help"}) == 0);
}

TEST_CASE("the first Ctrl-C is a request, and the handler before it comes back") {
    const auto before = std::signal(SIGINT, SIG_IGN);
    {
        const examples::interrupt stop;
        CHECK_FALSE(stop.requested());
        std::raise(SIGINT);
        CHECK(stop.requested());
    }
    CHECK((std::signal(SIGINT, before) == SIG_IGN));
    const examples::interrupt again;
    CHECK_FALSE(again.requested());
}

TEST_CASE("away from a terminal progress is a few plain lines without control characters") {
    std::FILE* file = std::tmpfile();
    REQUIRE(file != nullptr);
    examples::progress bar("training", file);
    for (int i = 0; i <= 1000; ++i) bar.show(i / 1000.0, "loss 0.1");
    bar.finish(1, "loss 0.1");
    std::rewind(file);
    int lines = 0, controls = 0;
    for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) {
        lines += c == '\n';
        controls += c != '\n' && c < ' ';
    }
    std::fclose(file);
    CHECK(lines == 11);
    CHECK(controls == 0);
}

TEST_CASE("times are said as people say them") {
    CHECK(examples::spoken_time(0.2) == "0 s");
    CHECK(examples::spoken_time(59.4) == "59 s");
    CHECK(examples::spoken_time(200) == "3 min 20 s");
    CHECK(examples::spoken_time(3900) == "1 h 05 min");
}
