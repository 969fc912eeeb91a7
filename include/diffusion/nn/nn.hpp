#pragma once

/// Small networks that train on a laptop's processor: a tape for gradients, layers, a U-Net,
/// optimisers. Reading order: shape, tape, elementwise, convolution, group_norm, unet, parallel,
/// optimizer. Needs Eigen and threads. File formats are apart, in safetensors.hpp.

#include <diffusion/nn/activations.hpp>
#include <diffusion/nn/attention.hpp>
#include <diffusion/nn/autoencoder_kl.hpp>
#include <diffusion/nn/captions.hpp>
#include <diffusion/nn/checkpoint.hpp>
#include <diffusion/nn/concat.hpp>
#include <diffusion/nn/conditions.hpp>
#include <diffusion/nn/convolution.hpp>
#include <diffusion/nn/dit.hpp>
#include <diffusion/nn/dropout.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/ema.hpp>
#include <diffusion/nn/embedding.hpp>
#include <diffusion/nn/gate.hpp>
#include <diffusion/nn/group_norm.hpp>
#include <diffusion/nn/inference.hpp>
#include <diffusion/nn/latents.hpp>
#include <diffusion/nn/linear.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/mlp.hpp>
#include <diffusion/nn/name_map.hpp>
#include <diffusion/nn/noisy_classifier.hpp>
#include <diffusion/nn/normalisation.hpp>
#include <diffusion/nn/optimizer.hpp>
#include <diffusion/nn/parallel.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/positions.hpp>
#include <diffusion/nn/rearrange.hpp>
#include <diffusion/nn/reparameterize.hpp>
#include <diffusion/nn/resample.hpp>
#include <diffusion/nn/schedule_rate.hpp>
#include <diffusion/nn/spade.hpp>
#include <diffusion/nn/summary.hpp>
#include <diffusion/nn/tape.hpp>
#include <diffusion/nn/time_embedding.hpp>
#include <diffusion/nn/time_label_embedding.hpp>
#include <diffusion/nn/torch_layout.hpp>
#include <diffusion/nn/transformer.hpp>
#include <diffusion/nn/unet.hpp>
#include <diffusion/nn/variance_loss.hpp>
#include <diffusion/nn/vector_math.hpp>
