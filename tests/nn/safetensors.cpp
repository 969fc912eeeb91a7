#include <doctest/doctest.h>
#include <diffusion/nn/convolution.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/mlp.hpp>
#include <diffusion/nn/parallel.hpp>
#include <diffusion/nn/safetensors.hpp>
#include <support/worse.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace nn = diffusion::nn;
namespace io = diffusion::io;

namespace {

/// A file that disappears with the object.
struct temporary {
    std::filesystem::path path;
    explicit temporary(const char* name)
        : path(std::filesystem::temp_directory_path() / (std::string("diffusion_nn_") + name)) {}
    ~temporary() { std::filesystem::remove(path); }
};

std::vector<float> values_of(const nn::parameters<float>& p) {
    return {p.values().begin(), p.values().end()};
}

std::string message_of_load(const std::filesystem::path& path, nn::parameters<float>& model) {
    try {
        nn::load_parameters(path, model);
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
    return "nothing thrown";
}

/// One step of training on fixed data.
void step(nn::mlp<float>& net, nn::lanes<float>& lanes, nn::adam<float>& adam,
          nn::ema<float>& ema) {
    const std::vector<float> x = {0.1F, -0.4F, 0.7F, 1.5F, -0.2F, 0.3F};
    const std::vector<double> t = {1, 50, 200};
    lanes.train(net.parameters(), 3, [&](nn::tape<float>& tape, std::size_t first, std::size_t n) {
        const auto in = tape.constant({n, 1, 1, 2}, x.data() + 2 * first);
        return nn::mse_loss(net(in, std::span(t).subspan(first, n)),
                            std::span(x).subspan(2 * first, 2 * n));
    });
    adam.step(1e-2);
    ema.update();
}

/// The largest difference between a layer's answer and PyTorch's formula for ConvTranspose2d,
///     y[o, s p + k - padding] = b[o] + sum over i, p, k of x[i, p] w[i, o, k]
/// with p and k of two components, on an image of 3 x 4 pixels.
double distance(const nn::conv2d_transposed<double>& layer, const std::vector<double>& w,
                const std::vector<double>& b, std::size_t kernel, std::size_t padding) {
    const std::size_t in = layer.in, out = layer.out, s = layer.stride, height = 3, width = 4;
    std::vector<double> x(height * width * in), y(s * height * s * width * out);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = 1.0 / static_cast<double>(i + 1);
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = b[i % out];
    for (std::size_t p = 0; p < height * width; ++p)
        for (std::size_t k = 0; k < kernel * kernel; ++k) {
            const std::size_t row = s * (p / width) + k / kernel - padding;  // wraps around below 0
            const std::size_t column = s * (p % width) + k % kernel - padding;
            if (row >= s * height || column >= s * width) continue;
            for (std::size_t i = 0; i < in; ++i)
                for (std::size_t o = 0; o < out; ++o)
                    y[(row * s * width + column) * out + o] +=
                        x[p * in + i] * w[(i * out + o) * kernel * kernel + k];
        }
    nn::tape<double> tape;
    const auto got = layer(tape.constant({1, height, width, in}, x.data()));
    REQUIRE(got.shape() == nn::shape{1, s * height, s * width, out});
    double largest = 0;
    for (std::size_t i = 0; i < y.size(); ++i)
        largest = support::worse(largest, std::abs(y[i] - got.data()[i]));
    return largest;
}

}  // namespace

TEST_CASE("what is saved and loaded has the same bits, and the metadata comes along") {
    const temporary file("round_trip");
    nn::mlp<float> one({.hidden = 12}, 1), other({.hidden = 12}, 2);
    CHECK(values_of(one.parameters()) != values_of(other.parameters()));
    nn::save_parameters(file.path, one.parameters(), {{"schedule", "cosine"}});
    const auto metadata = nn::load_parameters(file.path, other.parameters());
    CHECK(metadata.at("schedule") == "cosine");
    CHECK(values_of(one.parameters()) == values_of(other.parameters()));
}

TEST_CASE(
    "files hold convolutions as (out, in, row, column) and linear maps as (out, in), as PyTorch") {
    const temporary file("order");
    nn::parameters<float> model(3);
    const auto conv = model.add_convolution("conv", {1, 1, 1, 2, 5, 3, 1}, nn::initial::normal(1));
    const auto map = model.add("map", {2, 3}, nn::parameter_layout::linear, nn::initial::normal(1));
    nn::save_parameters(file.path, model);
    const io::safetensors_file read = io::read_safetensors(file.path);
    CHECK(read.at("conv").shape == std::vector<std::size_t>{5, 2, 3, 3});
    CHECK(read.at("map").shape == std::vector<std::size_t>{3, 2});
    const std::vector<float> w = read.at("conv").values<float>();
    for (std::size_t o = 0; o < 5; ++o)
        for (std::size_t i = 0; i < 2; ++i)
            for (std::size_t k = 0; k < 9; ++k)
                CHECK(w[(o * 2 + i) * 9 + k] == conv.values()[(k * 2 + i) * 5 + o]);
    const std::vector<float> m = read.at("map").values<float>();
    for (std::size_t o = 0; o < 3; ++o)
        for (std::size_t i = 0; i < 2; ++i) CHECK(m[o * 2 + i] == map.values()[i * 3 + o]);
}

TEST_CASE("a file that does not fit names every tensor that is missing, extra or misshaped") {
    const temporary path("faults");
    nn::parameters<float> model(3);
    model.add("a", {2, 3}, nn::parameter_layout::linear, nn::initial::one());
    model.add("b", {4}, nn::parameter_layout::plain, nn::initial::one());
    io::safetensors_file file;
    file.add("a", {2, 3}, std::vector<float>(6));
    file.add("c", {1}, std::vector<float>(1));
    io::write_safetensors(path.path, file);
    const std::vector<float> before = values_of(model);
    const std::string message = message_of_load(path.path, model);
    CHECK(message.find("misshaped: a is (2, 3) in the file, (3, 2) in the model") !=
          std::string::npos);
    CHECK(message.find("missing: b (4,)") != std::string::npos);
    CHECK(message.find("extra: c (1,)") != std::string::npos);
    CHECK(values_of(model) == before);
}

TEST_CASE("training that was saved and resumed equals training without interruption, bit for bit") {
    const temporary file("resume");
    nn::lanes<float> lanes(1);
    nn::mlp<float> net({.hidden = 12}, 1), fresh({.hidden = 12}, 9);
    nn::adam<float> adam(net.parameters()), fresh_adam(fresh.parameters());
    nn::ema<float> ema(net.parameters()), fresh_ema(fresh.parameters());
    for (int i = 0; i < 3; ++i) step(net, lanes, adam, ema);
    nn::save_training(file.path, net.parameters(), adam, ema, {{"epoch", "7"}});
    CHECK(nn::load_training(file.path, fresh.parameters(), fresh_adam, fresh_ema).at("epoch") ==
          "7");
    for (int i = 0; i < 3; ++i) step(net, lanes, adam, ema);
    for (int i = 0; i < 3; ++i) step(fresh, lanes, fresh_adam, fresh_ema);
    CHECK(values_of(net.parameters()) == values_of(fresh.parameters()));
    CHECK(std::ranges::equal(ema.values(), fresh_ema.values()));
    CHECK(adam.steps() == fresh_adam.steps());
}

TEST_CASE("weights can be stored in half precision and are loaded rounded to nearest even") {
    const temporary file("half");
    nn::mlp<float> net({.hidden = 64}, 1), other({.hidden = 64}, 2);
    const std::vector<float> values = values_of(net.parameters());
    for (const io::scalar_type type : {io::scalar_type::f16, io::scalar_type::bf16}) {
        nn::save_parameters(file.path, net.parameters(), {{"a", "b"}}, type);
        const io::safetensors_file stored = io::read_safetensors(file.path);
        CHECK(stored.at("out.weight").type == type);
        CHECK(stored.at("out.weight").bytes.size() == 2 * 2 * 64);
        CHECK(nn::load_parameters(file.path, other.parameters()).at("a") == "b");
        std::vector<float> rounded = values;
        for (float& v : rounded)
            v = type == io::scalar_type::f16 ? io::float_from_f16(io::f16_from(v))
                                             : io::float_from_bf16(io::bf16_from(v));
        CHECK(rounded != values);
        CHECK(values_of(other.parameters()) == rounded);
    }
}

TEST_CASE("a listing of parameters is that of the file that they are saved to") {
    const temporary file("listing");
    nn::parameters<float> model;
    model.add("map.weight", {2, 3}, nn::parameter_layout::linear, nn::initial::one());
    model.add_convolution("conv.weight", {1, 1, 1, 2, 5, 3, 1}, nn::initial::one());
    model.add("conv.bias", {5}, nn::parameter_layout::plain, nn::initial::one());
    nn::save_parameters(file.path, model);
    const std::vector<io::tensor_info> lines = nn::listing(model);
    CHECK(lines == io::listing(io::read_safetensors(file.path)));
    CHECK(io::to_text(lines) ==
          "map.weight   F32  (3, 2)         24\n"
          "conv.weight  F32  (5, 2, 3, 3)  360\n"
          "conv.bias    F32  (5,)           20\n"
          "3 tensors, 101 elements, 404 bytes\n");
}

TEST_CASE("a foreign file is loaded through a map of names") {
    const temporary path("foreign");
    io::safetensors_file file;
    file.add("module.model.0.weight", {3, 2}, std::vector<double>{1, 2, 3, 4, 5, 6});
    file.add("module.model.0.bias", {3}, std::vector<float>{7, 8, 9});
    file.add("module.model.2.kernel", {1, 1, 3, 2}, std::vector<float>{1, 2, 3, 4, 5, 6});
    file.add("module.model.2.num_batches_tracked", {}, std::vector<std::int64_t>{5});
    io::write_safetensors(path.path, file);

    nn::parameters<float> model;
    const auto map =
        model.add("te.0.weight", {2, 3}, nn::parameter_layout::linear, nn::initial::one());
    const auto bias = model.add("te.0.bias", {3}, nn::parameter_layout::plain, nn::initial::one());
    const auto conv =
        model.add_convolution("out.weight", {1, 1, 1, 3, 2, 1, 1}, nn::initial::one());
    const auto own = model.add("own", {1}, nn::parameter_layout::plain, nn::initial::one());
    nn::load_parameters(
        path.path, model,
        {.rename = {{"module.model.2.kernel", "out.weight"}, {"module.model.*", "te.*"}},
         .permute = {{"*.kernel", {3, 2, 0, 1}}},
         .ignore = {"*.num_batches_tracked"},
         .keep = {"own*"}});
    CHECK(map.values()[1] == 3);  // (in 0, out 1)
    CHECK(bias.values()[2] == 9);
    CHECK(conv.values()[2] == 3);  // (in 1, out 0), as it stands in the file
    CHECK(own.values()[0] == 1);
}

TEST_CASE("what a map of names leaves over, on either side, is named in full") {
    const temporary path("left_over");
    io::safetensors_file file;
    file.add("model.a", {1}, std::vector<float>{1});
    file.add("other.a", {1}, std::vector<float>{1});
    file.add("model.c", {2, 1}, std::vector<float>{1, 2});
    io::write_safetensors(path.path, file);
    nn::parameters<float> model;
    model.add("a", {1}, nn::parameter_layout::plain, nn::initial::one());
    model.add("b", {1}, nn::parameter_layout::plain, nn::initial::one());
    const std::string text = "diffusion::nn::load_parameters: the tensors of " +
                             path.path.string() + " must be those of the model:";
    const auto message = [&](const nn::name_map& names) -> std::string {
        try {
            nn::load_parameters(path.path, model, names);
        } catch (const std::invalid_argument& e) {
            return e.what();
        }
        return "";
    };
    CHECK(message({.rename = {{"model.*", "*"}, {"other.*", "*"}}}) ==
          text +
              "\n  twice: model.a and other.a (as a)\n  extra: model.c (as c) (2, 1)"
              "\n  missing: b (1,)");
    CHECK(message({.rename = {{"model.a", "b"}}, .ignore = {"other.*"}, .keep = {"a"}}) ==
          text + "\n  extra: model.c (2, 1)");
    CHECK(
        message({.rename = {{"model.a", "b"}}, .ignore = {"model.c", "other.*"}, .keep = {"a"}}) ==
        "");
    CHECK(message({.rename = {{"model.*", "b"}}}) ==
          "diffusion::nn::name_map: both names of a pair must have as many stars, got \"model.*\"");
}

TEST_CASE("a transposed convolution's weights are (in, out, row, column) in files, as in PyTorch") {
    for (const std::size_t kernel : {1U, 3U, 5U})
        for (const std::size_t stride : {1U, 2U, 3U}) {
            const temporary path("transposed");
            nn::parameters<double> model(5);
            const nn::conv2d_transposed<double> layer(model, "up", 2, 3, kernel, stride);
            nn::save_parameters(path.path, model);
            const io::safetensors_file file = io::read_safetensors(path.path);
            CHECK(file.at("up.weight").shape == std::vector<std::size_t>{2, 3, kernel, kernel});
            CHECK(distance(layer, file.at("up.weight").values<double>(),
                           file.at("up.bias").values<double>(), kernel, kernel / 2) < 1e-12);
        }
}

TEST_CASE("a transposed convolution with an even kernel is one with a row and column of zeros") {
    // ConvTranspose2d(2, 3, kernel, stride=2, padding=kernel / 2 - 1) doubles the size; its tap k
    // is tap k + 1 of the next larger, odd kernel.
    for (const std::size_t kernel : {2U, 4U}) {
        nn::parameters<double> model(5);
        const auto even =
            model.add_convolution("even", {1, 1, 1, 3, 2, kernel, 2}, nn::initial::normal(1));
        const nn::conv2d_transposed<double> layer(model, "up", 2, 3, kernel + 1, 2);
        const temporary path("even");
        nn::save_parameters(path.path, model);
        io::safetensors_file file = io::read_safetensors(path.path);
        CHECK(file.at("even").shape == std::vector<std::size_t>{2, 3, kernel, kernel});
        const std::vector<double> w = file.at("even").values<double>();
        const std::size_t odd = kernel + 1;
        std::vector<double> wider(6 * odd * odd, 0);
        for (std::size_t io = 0; io < 6; ++io)
            for (std::size_t k = 0; k < kernel * kernel; ++k)
                wider[(io * odd + k / kernel + 1) * odd + k % kernel + 1] =
                    w[io * kernel * kernel + k];
        std::erase_if(file.entries, [](const auto& entry) { return entry.name == "up.weight"; });
        file.add("up.weight", {2, 3, odd, odd}, wider);
        nn::load_parameters(file, model);
        CHECK(distance(layer, w, file.at("up.bias").values<double>(), kernel, kernel / 2 - 1) <
              1e-12);
        CHECK(even.values()[0] == w[0]);
    }
}
