// attention_into(): the bits of attention(), in memory of the caller, without
// an allocation.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "maskwise/kv_cache.h"
#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/attention_random.h"

namespace {

std::atomic<int64_t> allocations = 0;

void* counted_or_null(std::size_t bytes) noexcept {
  ++allocations;
  return std::malloc(bytes == 0 ? 1 : bytes);
}

void* counted(std::size_t bytes) {
  void* memory = counted_or_null(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// Of the whole test program.
void* operator new(std::size_t bytes) { return counted(bytes); }
void* operator new[](std::size_t bytes) { return counted(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return counted_or_null(bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return counted_or_null(bytes);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 8;

// Memory for every output and for the workspace of a call.
struct OwnTarget {
  explicit OwnTarget(const AttentionCase& call)
      : plan(compile(call.mask.bind(call.shape))),
        options(call.options_for(Backend::cpu)),
        result(call.run(Backend::reference)),
        workspace(static_cast<size_t>(
            workspace_size(plan, {call.q.dim(3), call.v.dim(3)}, options))) {
    const std::pair<Tensor*, MutableTensorView*> outputs[] = {
        {&result.o, &target.o},
        {&result.lse, &target.lse},
        {&result.m, &target.m},
        {&result.l, &target.l},
        {&result.weights, &target.weights},
        {&result.scores, &target.scores}};
    for (const auto& [tensor, view] : outputs) {
      if (!tensor->defined()) continue;
      *tensor = Tensor(tensor->dtype(), tensor->shape());
      *view = tensor->mutable_view();
    }
    target.workspace = workspace;
  }

  MaskPlan plan;
  AttentionOptions options;
  AttentionResult result;
  std::vector<std::byte> workspace;
  AttentionTarget target;
};

TEST(AttentionIntoTest, GivesTheBitsOfAttention) {
  for (uint32_t seed = kSeed; seed < kSeed + 60; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    std::normal_distribution<float> next;
    const AttentionCase call = random_case(
        rng, {.q_len = 40, .kv_len = 70, .dim = 30}, [&] { return next(rng); });
    OwnTarget own(call);
    attention_into(own.target, call.q, call.k, call.v, own.plan, own.options);
    EXPECT_TRUE(same_bits(own.result, call.run(Backend::reference)));
  }
}

TEST(AttentionIntoTest, ABiasOfMinusInfDoesNotOutgrowTheWorkspace) {
  Rng rng(kSeed);
  AttentionCase call = make_case(rng, {1, 1, 64, 3000}, all());
  add_bias(rng, call, {64, 3000});
  const Tensor kept = random_bools(rng, {64, 3000}, 0.4);
  for (int64_t i = 0; i < kept.size(); ++i) {
    if (!kept.data<bool>()[i]) call.bias.mutable_data<float>()[i] = kMinusInf;
  }
  OwnTarget own(call);
  attention_into(own.target, call.q, call.k, call.v, own.plan, own.options);
  EXPECT_TRUE(same_bits(own.result, call.run(Backend::reference)));
}

AttentionCase plain_case(Layout layout) {
  Rng rng(kSeed);
  AttentionCase call;
  call.shape = {2, 4, 130, 130};
  call.mask = causal() & lengths({130, 77});
  call.options.layout = layout;
  const auto view = [&](int64_t heads) {
    return layout == Layout::bhld ? Shape{2, heads, 130, 20}
                                  : Shape{2, 130, heads, 20};
  };
  call.q = call.own(from_f32(normal(rng, view(4)), DType::bf16));
  call.k = call.own(normal(rng, view(2)));
  call.v = call.own(from_f32(normal(rng, view(2)), DType::f16));
  add_alibi(call);
  return call;
}

TEST(AttentionIntoTest, AllocatesNothing) {
  for (const Layout layout : {Layout::bhld, Layout::blhd}) {
    const AttentionCase call = plain_case(layout);
    OwnTarget own(call);
    own.options.threads = 1;
    const int64_t before = allocations;
    attention_into(own.target, call.q, call.k, call.v, own.plan, own.options);
    EXPECT_EQ(allocations - before, 0);
    EXPECT_TRUE(same_bits(own.result, call.run(Backend::reference)));
  }
}

TEST(AttentionIntoTest, ChosenRowsAreWrittenWithoutAllocating) {
  AttentionCase call = plain_case(Layout::bhld);
  call.options.weights = Weights::all;
  call.options.scores = Scores::biased;
  call.options.pair_rows = {3, 70, 71, 129};
  OwnTarget own(call);
  own.options.threads = 1;
  const int64_t before = allocations;
  attention_into(own.target, call.q, call.k, call.v, own.plan, own.options);
  EXPECT_EQ(allocations - before, 0);
  EXPECT_EQ(own.result.weights.shape(), (Shape{2, 4, 4, 130}));
  EXPECT_TRUE(same_bits(own.result, call.run(Backend::reference)));
}

TEST(AttentionIntoTest, EmptyOutputsFit) {
  Rng rng(kSeed);
  for (const AttentionShape& shape :
       {AttentionShape{2, 4, 0, 5}, AttentionShape{0, 4, 3, 5}}) {
    const AttentionCase call = make_case(rng, shape, all());
    OwnTarget own(call);
    attention_into(own.target, call.q, call.k, call.v, own.plan, own.options);
    EXPECT_TRUE(same_bits(own.result, call.run()));
  }
}

// A cache of two sequences that a step has reached, of one token for the first
// and two for the second, and memory for what the step gives.
struct OwnStep {
  OwnStep() : workspace(workspace_bytes()) {
    Rng rng(kSeed);
    cache.append(normal(rng, {2, 2, 9, 20}), normal(rng, {2, 2, 9, 12}),
                 {9, 4});
    cache.append(normal(rng, {2, 2, 2, 20}), normal(rng, {2, 2, 2, 12}),
                 {1, 2});
    q = normal(rng, {2, 4, 2, 20});
    for (Tensor* each : {&result.lse, &result.m, &result.l}) {
      *each = normal(rng, {2, 4, 2});
    }
    result.o = normal(rng, {2, 4, 2, 12});
    target = {.o = result.o.mutable_view(),
              .lse = result.lse.mutable_view(),
              .m = result.m.mutable_view(),
              .l = result.l.mutable_view(),
              .workspace = workspace};
  }

  size_t workspace_bytes() const {
    return static_cast<size_t>(workspace_size(plan, {20, 12}, options));
  }

  KvCache cache = KvCache({.batch = 2,
                           .kv_heads = 2,
                           .head_dim = 20,
                           .value_dim = 12,
                           .max_length = 32,
                           .page_size = 4});
  MaskPlan plan = compile(causal().bind({2, 4, 32, 32}));
  AttentionOptions options = {.threads = 1};
  std::vector<std::byte> workspace;
  Tensor q;
  AttentionResult result;
  AttentionTarget target;
};

TEST(AttentionIntoTest, AStepOverACacheAllocatesNothing) {
  OwnStep step;
  const AttentionResult expected = attention(step.q, step.cache, step.plan);
  const int64_t before = allocations;
  attention_into(step.target, step.q, step.cache, step.plan, step.options);
  EXPECT_EQ(allocations - before, 0);
  // The second row of the first sequence, which is no token's, too.
  EXPECT_TRUE(same_bits(step.result, expected));
  EXPECT_EQ(step.result.lse.data<float>()[1], kMinusInf);
}

TEST(AttentionIntoTest, AStepThatDoesNotFitWritesNothing) {
  const auto refused = [](const std::string& fragment, auto change) {
    OwnStep step;
    change(step);
    const auto error = thrown_by([&] {
      attention_into(step.target, step.q, step.cache, step.plan, step.options);
    });
    if (!error) return ::testing::AssertionFailure() << "no error";
    if (std::string(error->what()).find(fragment) == std::string::npos) {
      return ::testing::AssertionFailure() << error->what();
    }
    return same_bits(step.result.lse, OwnStep().result.lse);
  };
  EXPECT_TRUE(refused("the output o is not given",
                      [](OwnStep& step) { step.target.o = {}; }));
  EXPECT_TRUE(refused("expected o as f32 [2, 4, 2, 12]",
                      [](OwnStep& step) { step.target.o = step.target.m; }));
  EXPECT_TRUE(refused("shares memory with",
                      [](OwnStep& step) { step.target.m = step.target.l; }));
  EXPECT_TRUE(refused("bytes; expected at least", [](OwnStep& step) {
    step.target.workspace = step.target.workspace.first(1000);
  }));
  EXPECT_TRUE(refused("weights are asked for", [](OwnStep& step) {
    step.options.weights = Weights::all;
  }));
}

// Every other element of memory that is twice as large.
TEST(AttentionIntoTest, OutputsMayHaveStrides) {
  const AttentionCase call = plain_case(Layout::bhld);
  OwnTarget own(call);
  own.options.weights = Weights::all;
  own.options.scores = Scores::raw;
  const AttentionResult expected =
      attention(call.q, call.k, call.v, own.plan, own.options);
  std::vector<Tensor> memory;
  const std::pair<const Tensor*, MutableTensorView*> outputs[] = {
      {&expected.o, &own.target.o},
      {&expected.lse, &own.target.lse},
      {&expected.m, &own.target.m},
      {&expected.l, &own.target.l},
      {&expected.weights, &own.target.weights},
      {&expected.scores, &own.target.scores}};
  for (const auto& [tensor, view] : outputs) {
    Shape strides = contiguous_strides(tensor->shape());
    for (int64_t& stride : strides) stride *= 2;
    memory.emplace_back(tensor->dtype(), Shape{2 * tensor->size()});
    *view = {memory.back().mutable_bytes(), tensor->dtype(), tensor->shape(),
             strides};
  }
  attention_into(own.target, call.q, call.k, call.v, own.plan, own.options);
  for (const auto& [tensor, view] : outputs) {
    EXPECT_TRUE(same_bits(Tensor::copy_of(view->view()), *tensor));
  }
}

TEST(AttentionIntoTest, WhatIsNotGivenIsNotWritten) {
  AttentionCase call = plain_case(Layout::bhld);
  OwnTarget own(call);
  own.target.lse = {};
  own.target.m = {};
  own.target.l = {};
  attention_into(own.target, call.q, call.k, call.v, own.plan, own.options);
  EXPECT_TRUE(same_bits(own.result.o, call.run().o));
}

TEST(AttentionIntoTest, WhatDoesNotFitIsRefusedBeforeAnythingIsWritten) {
  const AttentionCase call = plain_case(Layout::blhd);
  const auto refused = [&](const std::string& fragment, auto change) {
    OwnTarget own(call);
    change(own);
    const auto error = thrown_by([&] {
      attention_into(own.target, call.q, call.k, call.v, own.plan, own.options);
    });
    if (!error) return ::testing::AssertionFailure() << "no error";
    if (std::string(error->what()).find(fragment) == std::string::npos) {
      return ::testing::AssertionFailure() << error->what();
    }
    return same_bits(own.result.lse, Tensor(DType::f32, {2, 4, 130}));
  };
  EXPECT_TRUE(refused("the output o is not given",
                      [](OwnTarget& own) { own.target.o = {}; }));
  Tensor other(DType::f32, {2, 130, 4, 20});
  EXPECT_TRUE(refused(
      "expected o as bf16 [2, 130, 4, 20] without strides of 0, got f32",
      [&](OwnTarget& own) { own.target.o = other.mutable_view(); }));
  EXPECT_TRUE(refused("expected m as f32 [2, 4, 130]", [&](OwnTarget& own) {
    own.target.m = other.mutable_view();
  }));
  EXPECT_TRUE(refused("expected m as f32 [2, 4, 130]", [&](OwnTarget& own) {
    own.target.m = {other.mutable_bytes(), DType::f32, {2, 4, 130}, {4, 1, 0}};
  }));
  EXPECT_TRUE(refused("weights are not asked for", [&](OwnTarget& own) {
    own.target.weights = other.mutable_view();
  }));
  EXPECT_TRUE(
      refused("scores are asked for and there is no",
              [&](OwnTarget& own) { own.options.scores = Scores::raw; }));
  EXPECT_TRUE(
      refused("expected weights as f32 [2, 4, 2, 130]", [](OwnTarget& own) {
        own.options.weights = Weights::all;
        own.options.pair_rows = {0, 1};
        static Tensor all_rows(DType::f32, {2, 4, 130, 130});
        own.target.weights = all_rows.mutable_view();
      }));
  EXPECT_TRUE(refused("m shares memory with lse",
                      [&](OwnTarget& own) { own.target.m = own.target.lse; }));
  EXPECT_TRUE(refused("bytes; expected at least", [&](OwnTarget& own) {
    own.target.workspace = own.target.workspace.first(1000);
  }));
  EXPECT_TRUE(refused("with the reference backend", [&](OwnTarget& own) {
    own.options.backend = Backend::reference;
  }));
}

TEST(AttentionIntoTest, SizesThatAreNoneHaveNoWorkspace) {
  const MaskPlan plan = compile(all().bind({1, 1, 2, 2}));
  for (const HeadDims dims :
       {HeadDims{0, 4}, HeadDims{4, -1}, HeadDims{int64_t{1} << 60, 4}}) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "head sizes",
                             [&] { workspace_size(plan, dims); }));
  }
}

TEST(AttentionIntoTest, AnImpossibleNumberOfThreadsHasNoSize) {
  const MaskPlan plan = compile(all().bind({1, 1, 2, 2}));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "0 threads", [&] {
    workspace_size(plan, {4, 4}, {.threads = 0});
  }));
}

}  // namespace
}  // namespace maskwise::testing
