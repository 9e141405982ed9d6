"""Whatever users, others and misfortune do, in any order: nothing is lost, and all comes to rest."""

import random

import pytest
from hypothesis import given, seed
from stage_life import play
from stage_program import PROGRAMS, World, calm, faults_at_rest, happen, many, receive_everything


async def lived(life, program):
    """Play a program, and return what is wrong at rest, and when every message was received."""
    world = World()
    async with life.played():
        for act in program:
            await happen(act, life, world)
        await calm(life)
        faults = faults_at_rest(life, world)
        await receive_everything(life)
        late = faults_at_rest(life, world)
        if life.eventing() is not None and life.state()[1] == "UndeliveredMessages":
            late.append(f"every message was received, and it is held back: {life.condition('Drained')}")
        return faults + late


def play_programs(life, number, examples):
    @many(examples)
    @seed(number)
    @given(PROGRAMS)
    def play_all(program):
        assert play(lived, life(), program) == []

    play_all()


@pytest.mark.parametrize("number", range(4))
def test_five_hundred_programs_end_as_the_contract_says(life, number):
    play_programs(life, number, 500)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_twenty_thousand_programs_end_as_the_contract_says(life):
    number = random.randrange(2**32)  # noqa: S311 - which programs are tried is no secret
    print(f"the seed is {number}")  # noqa: T201 - to repeat it by
    play_programs(life, number, 20_000)
