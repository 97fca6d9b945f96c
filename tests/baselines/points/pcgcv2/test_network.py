import torch

from baselines.points.pcgcv2.network import Encoder, EntropyBottleneck, InceptionResidual, KeepHighest, Network
from baselines.points.pcgcv2.sparse import neighbour_table, pack_keys


def cube(size):
    axes = [torch.arange(size)] * 3
    return pack_keys(torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 3))


def test_parameter_counts_are_those_of_the_publication():
    network = Network()
    counts = [sum(p.numel() for p in part.parameters()) for part in network.children()]
    assert counts == [408_008, 370_127, 352]


def test_residual_block_of_zero_weights_is_the_identity():
    block = InceptionResidual(8)
    for parameter in block.parameters():
        parameter.data.zero_()
    keys = cube(3)
    x = torch.randn(len(keys), 8)
    assert torch.equal(block(x, neighbour_table(keys)), x)


def test_encoder_scales_are_the_parents():
    latents, scales = Encoder()(cube(8))
    assert [len(scale) for scale in scales] == [512, 64, 8, 1]
    assert latents.shape == (1, 8)


def test_decoder_keeps_as_many_as_it_is_told():
    network = Network()
    with torch.no_grad():
        keys = cube(2)
        voxels, candidates, logits = network.decoder(keys, torch.randn(8, 8), KeepHighest((20, 50, 77)))
    assert len(voxels) == 77
    assert [len(c) for c in candidates] == [64, 160, 400]
    assert [len(value) for value in logits] == [64, 160, 400]
    assert torch.equal(voxels, voxels.sort().values)


def test_among_equal_logits_the_first_stay():
    mask = KeepHighest((3, 0, 0))(0, torch.arange(6), torch.tensor([0.0, 1.0, 0.0, 0.0, 1.0, 0.0]))
    assert mask.tolist() == [True, True, False, False, True, False]


def test_likelihoods_are_a_distribution():
    torch.manual_seed(0)
    model = EntropyBottleneck()
    values = torch.arange(-400.0, 401.0)[:, None].expand(-1, 8)
    with torch.no_grad():
        likelihood = model.likelihood(values)
    assert (likelihood > 0).all()
    assert torch.allclose(likelihood.sum(dim=0), torch.ones(8), atol=1e-3)
