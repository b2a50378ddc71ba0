"""Masked attention in float64, straight from the formula, for small inputs."""
import itertools
import math
import random

from tool import Tensor, size_of


def random_tensor(shape, seed, deviation=1.0, dtype="F32"):
    source = random.Random(seed)
    return Tensor(shape, [source.gauss(0, deviation)
                          for _ in range(size_of(shape))], dtype)


def broadcast_at(tensor, index):
    """An element of a tensor that is broadcast, aligned at the right."""
    index = index[len(index) - len(tensor.shape):]
    return tensor.at(*(0 if size == 1 else i
                       for size, i in zip(tensor.shape, index)))


class Reference:
    """`allowed(b, h, q, k)` says who may attend; options as the tool's."""

    def __init__(self, tensors, allowed, scale=None, softcap=0.0):
        self.tensors, self.allowed = tensors, allowed
        self.q, self.k, self.v = (tensors[name] for name in "qkv")
        self.scale = scale or 1 / math.sqrt(self.q.shape[3])
        self.softcap = softcap

    def score(self, b, h, q, k):
        """(raw, capped, biased)"""
        kv_head = h // (self.q.shape[1] // self.k.shape[1])
        raw = self.scale * sum(
            self.q.at(b, h, q, d) * self.k.at(b, kv_head, k, d)
            for d in range(self.q.shape[3]))
        capped = raw
        if self.softcap:
            capped = self.softcap * math.tanh(raw / self.softcap)
        biased = capped
        if "bias" in self.tensors:
            biased += broadcast_at(self.tensors["bias"], (b, h, q, k))
        if "alibi_slopes" in self.tensors:
            biased += self.tensors["alibi_slopes"].at(h) * (k - q)
        return raw, capped, biased

    def row(self, b, h, q):
        """(o, lse, weights, scores), the last two by visible key."""
        scores = {}
        for k in range(self.k.shape[2]):
            if self.allowed(b, h, q, k):
                score = self.score(b, h, q, k)
                if score[2] != -math.inf:
                    scores[k] = score
        value_dim = self.v.shape[3]
        if not scores:
            return [0.0] * value_dim, -math.inf, {}, {}
        most = max(score[2] for score in scores.values())
        total = sum(math.exp(score[2] - most) for score in scores.values())
        lse = most + math.log(total)
        weights = {k: math.exp(score[2] - lse) for k, score in scores.items()}
        kv_head = h // (self.q.shape[1] // self.k.shape[1])
        o = [sum(weight * self.v.at(b, kv_head, k, d)
                 for k, weight in weights.items()) for d in range(value_dim)]
        return o, lse, weights, scores

    def score_factors(self, b, h, q, k):
        """What a gradient of the biased score is multiplied by on its way to
        q.k: through the softcap, and by the scale."""
        if not self.softcap:
            return self.scale
        capped = self.score(b, h, q, k)[1]
        return self.scale * (1 - (capped / self.softcap) ** 2)

    def gradients(self, d_o, d_lse=None):
        """For "dq", "dk", "dv" and "dbias" a dict from index to gradient, of
        what is not 0: what the product rule says, with plain loops."""
        found = {"dq": {}, "dk": {}, "dv": {}, "dbias": {}}

        def add(name, index, value):
            found[name][index] = found[name].get(index, 0.0) + value

        batch, heads, q_len, head_dim = self.q.shape
        group = heads // self.k.shape[1]
        for b, h, q in itertools.product(range(batch), range(heads),
                                         range(q_len)):
            o, _, weights, _ = self.row(b, h, q)
            g = h // group
            d_row = [d_o.at(b, h, q, d) for d in range(len(o))]
            delta = sum(x * y for x, y in zip(d_row, o))
            if d_lse:
                delta -= d_lse.at(b, h, q)
            for k, weight in weights.items():
                d_weight = 0.0
                for d, x in enumerate(d_row):
                    d_weight += x * self.v.at(b, g, k, d)
                    add("dv", (b, g, k, d), weight * x)
                d_score = weight * (d_weight - delta)
                if "bias" in self.tensors:
                    shape = self.tensors["bias"].shape
                    index = (b, h, q, k)[4 - len(shape):]
                    add("dbias", tuple(0 if size == 1 else i for size, i
                                       in zip(shape, index)), d_score)
                d_score *= self.score_factors(b, h, q, k)
                for d in range(head_dim):
                    add("dq", (b, h, q, d), d_score * self.k.at(b, g, k, d))
                    add("dk", (b, g, k, d), d_score * self.q.at(b, h, q, d))
        return found
