import os

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from hdrfuse.training.distributed import World, join_world


def average_in_two_processes(rank, port):
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    world = join_world()
    tensors = [torch.full((2, 3), float(rank)), torch.tensor([10.0 * rank])]
    world.average(tensors)
    assert torch.equal(tensors[0], torch.full((2, 3), 0.5))
    assert torch.equal(tensors[1], torch.tensor([5.0]))
    assert world.agree(7.0 + rank) == 7.0
    assert world.leads == (rank == 0)
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_average_their_gradients_and_follow_the_first(unused_tcp_port):
    mp.spawn(average_in_two_processes, args=(unused_tcp_port,), nprocs=2)


@pytest.fixture
def unused_tcp_port():
    import socket

    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return listener.getsockname()[1]


def test_a_process_alone_changes_nothing():
    tensors = [torch.ones(3)]
    World().average(tensors)
    assert torch.equal(tensors[0], torch.ones(3))
    assert World().agree(2.5) == 2.5
