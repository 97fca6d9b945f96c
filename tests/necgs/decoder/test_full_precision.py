import torch
import torch.nn.functional as F

from necgs.decoder.dense import decode_volume
from necgs.decoder.full_precision import full_precision
from tests.necgs.fixed_sets import block_set, dense_set


def test_it_holds_within_and_leaves_what_was_set():
    before = torch.backends.cudnn.allow_tf32
    with full_precision():
        assert not torch.backends.cudnn.allow_tf32
        assert torch.backends.cudnn.enabled
    assert torch.backends.cudnn.allow_tf32 == before


def test_both_decoders_convolve_in_full_precision(monkeypatch):
    seen = []
    convolve = F.conv3d

    def watched(*arguments, **named):
        seen.append(torch.backends.cudnn.allow_tf32)
        return convolve(*arguments, **named)

    monkeypatch.setattr(F, "conv3d", watched)
    for trained in (dense_set(), block_set()):
        decode_volume(trained, 0)
    assert len(seen) >= 2
    assert not any(seen)
