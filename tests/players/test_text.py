"""Words as players, against tokens and owners written down by hand."""

import sys

import pytest
import torch
from torch import nn

from layerlore.errors import InputError, MissingExtraError
from layerlore.players import Columns, Samples, Words, coalition_table, content_words, masked_inputs
from layerlore.players.sentences import words_of
from reference.tiny_language import N_TOKENS, VOCABULARY, bert, byte_level, sentencepiece, wordpiece

pytest.importorskip("transformers")

SENTENCES = ("Unwatchable film, don't watch!", "A great affecting film", 'It is "charming" and affecting.')
TOKENS = (
    "[CLS] un ##watch ##able film , don ' t watch ! [SEP]",
    "[CLS] a great affect ##ing film [SEP] [PAD] [PAD] [PAD] [PAD] [PAD]",
    '[CLS] it is " charm ##ing " and affect ##ing . [SEP]',
)
OWNERS = (
    [-1, 0, 0, 0, 1, -1, 2, 2, 2, 3, -1, -1],
    [-1, 0, 1, 2, 2, 3, -1, -1, -1, -1, -1, -1],
    [-1, 0, 1, -1, 2, 2, -1, -1, 3, 3, -1, -1],
)
NAMES = (
    ("Unwatchable", "film", "don't", "watch"),
    ("A", "great", "affecting", "film"),
    ("It", "is", "charming", "affecting"),
)


def words(**options):
    return Words(wordpiece(), SENTENCES, **{"exclude": ["AND"], **options})


def sample_of(inputs, index):
    return {name: part[index] for name, part in inputs.items()}


def plans(found):
    return [found.plan(sample_of(found.inputs, index), index) for index in range(len(found.words))]


def ids(text):
    return [VOCABULARY.index(token) for token in text.split()]


def test_encodings_are_padded_with_right_masks():
    inputs = words().inputs
    assert set(inputs) == {"input_ids", "attention_mask", "token_type_ids"}
    for row, tokens in enumerate(TOKENS):
        assert inputs["input_ids"][row].tolist() == ids(tokens)
        assert inputs["attention_mask"][row].tolist() == [int(token != "[PAD]") for token in tokens.split()]
    assert all(part.dtype == torch.int64 for part in inputs.values())
    inputs["input_ids"].zero_()
    assert words().inputs["input_ids"].any()


def test_a_word_owns_all_its_tokens_and_nothing_else_is_owned():
    found = words()
    assert found.n_players == 4
    assert found.words == NAMES
    for plan, owner, names in zip(plans(found), OWNERS, NAMES, strict=True):
        assert plan.owner.tolist() == owner
        assert plan.names == names


def test_masking_a_word_masks_all_of_its_tokens():
    found = words()
    mask = VOCABULARY.index("[MASK]")
    baselines = found.baselines("[MASK]", Samples.of(found.inputs))
    table = coalition_table(4, 0, 16)
    for row, (plan, owner) in enumerate(zip(plans(found), OWNERS, strict=True)):
        sample = sample_of(found.inputs, row)
        masked = masked_inputs(sample, baselines[row], plan, table)
        own = ids(TOKENS[row])
        for coalition in range(16):
            expected = [
                mask if player >= 0 and not coalition >> player & 1 else token
                for token, player in zip(own, owner, strict=True)
            ]
            assert masked["input_ids"][coalition].tolist() == expected
        assert torch.equal(masked["attention_mask"], sample["attention_mask"].expand(16, -1))
    # In the open: "Unwatchable" is three tokens, and all three are hidden.
    hidden = masked_inputs(sample_of(found.inputs, 0), baselines[0], plans(found)[0], table)["input_ids"][0b1110]
    assert [VOCABULARY[number] for number in hidden.tolist()] == (
        ["[CLS]", "[MASK]", "[MASK]", "[MASK]", "film", ",", "don", "'", "t", "watch", "!", "[SEP]"]
    )


def test_pieces_say_what_stands_where():
    assert plans(words())[0].pieces == (
        "[CLS]", "Un", "##watch", "##able", "film", "##,", "don", "##'", "##t", "watch", "##!", "[SEP]",
    )  # fmt: skip


@pytest.mark.parametrize("make", [wordpiece, byte_level, sentencepiece])
def test_pieces_of_any_tokenizer_spell_the_sentence(make):
    sentences = (*SENTENCES, "naïve 😀 must-see films")
    found = Words(make(), sentences, 4)
    for plan, sentence in zip(plans(found), sentences, strict=True):
        special = {"[CLS]", "[SEP]", "[PAD]", "<sep>", "<cls>", "<pad>"}
        text = "".join(f" {piece}" for piece in plan.pieces if piece not in special).replace(" ##", "")
        assert text.split() == sentence.split()
        # What is owned spells the players, letter for letter.
        for player, name in enumerate(plan.names):
            owned = [piece for piece, owner in zip(plan.pieces, plan.owner.tolist(), strict=True) if owner == player]
            assert "".join(piece.removeprefix("##") for piece in owned) == name


def test_the_mark_of_a_space_belongs_to_its_word():
    """Tokenizers of GPT-2 and XLNet may put it into a token of its own; left visible, it would tell of the word."""
    for make, mark in ((byte_level, "Ġ"), (sentencepiece, "▁")):
        found = Words(make(), ["the great film"], 3)
        names = make().convert_ids_to_tokens(found.inputs["input_ids"][0])
        owner = plans(found)[0].owner.tolist()
        place = names.index(mark, 1)
        assert owner[place] == owner[place + 1] == 1


def test_padding_on_the_left_is_background():
    found = Words(sentencepiece(), SENTENCES, 4)
    for plan, mask in zip(plans(found), found.inputs["attention_mask"], strict=True):
        assert (plan.owner[mask == 0] == -1).all()
    assert found.inputs["attention_mask"][1, 0] == 0


def test_words_of_a_sentence():
    for sentence, expected in (
        ("... -- ?!", []),
        ("", []),
        ("don't (stop)", ["don't", "stop"]),
        ("„so“ «gut»… ¿no?", ["so", "gut", "no"]),
        ("$10 100% c++ 😀", ["10", "100", "c", "😀"]),
        ("नमस्ते दुनिया।", ["नमस्ते", "दुनिया"]),
        ("a\tb\nc\u00a0d", ["a", "b", "c", "d"]),
    ):
        found = words_of(sentence)
        assert [word.text for word in found] == expected
        assert [sentence[word.start : word.stop] for word in found] == expected


def test_stop_words_are_background():
    assert Words(wordpiece(), ["the great film"], exclude="english").words == (("great", "film"),)
    assert content_words("It's THE film, and a great one!", exclude="english") == ["It's", "film", "great"]
    assert content_words("The film", exclude=iter(["tHe"])) == ["film"]


def test_which_words_are_chosen():
    assert words(n_players=2).words == (("Unwatchable", "film"), ("A", "great"), ("It", "is"))
    drawn = {words(n_players=2, choose="random", seed=seed).words for seed in range(20)}
    assert len(drawn) > 5
    assert words(n_players=2, choose="random", seed=3).words == words(n_players=2, choose="random", seed=3).words
    for chosen in drawn:
        for few, every in zip(chosen, NAMES, strict=True):
            # In reading order.
            assert [every.index(word) for word in few] == sorted(every.index(word) for word in few)
    pairs = {chosen[0] for chosen in drawn}
    assert any(first[0] != "Unwatchable" for first in pairs)


def test_a_word_that_occurs_twice_is_two_players():
    found = Words(wordpiece(), ["film, great film"])
    assert found.words == (("film", "great", "film"),)
    assert plans(found)[0].owner.tolist() == [-1, 0, -1, 1, 2, -1]


def test_tensors_alone_and_without_some():
    found = words()
    inputs = found.inputs
    alone = found.plan(inputs["input_ids"][0], 0)
    assert alone.owner.tolist() == OWNERS[0]
    few = found.plan({"input_ids": inputs["input_ids"][1]}, 1)
    assert few.owner.tolist() == OWNERS[1]


def test_sentences_are_padded_to_the_length_asked_for():
    found = words(max_length=20)
    assert found.inputs["input_ids"].shape == (3, 20)
    assert plans(found)[0].owner.tolist() == OWNERS[0] + [-1] * 8


def test_tokens_as_baselines():
    found = words()
    samples = Samples.of(found.inputs)
    owned = torch.tensor(OWNERS) >= 0
    for name in ("[MASK]", "[PAD]", "[UNK]", VOCABULARY.index("film")):
        parts = found.baselines(name, samples).parts
        number = VOCABULARY.index(name) if isinstance(name, str) else name
        assert torch.equal(parts["input_ids"], torch.where(owned, number, samples.parts["input_ids"]))
        attended = samples.parts["attention_mask"].bool() & ~(owned & (name == "[PAD]"))
        assert torch.equal(parts["attention_mask"].bool(), attended)
        assert torch.equal(parts["token_type_ids"], samples.parts["token_type_ids"])
    plain = found.baselines("[UNK]", Samples.of(found.inputs["input_ids"]))
    assert torch.equal(plain.batch(), torch.where(owned, 1, samples.parts["input_ids"]))


def test_sentences_of_other_tokenizers_have_their_own_mask():
    found = Words(sentencepiece(), SENTENCES, 4)
    hidden = found.baselines("[MASK]", Samples.of(found.inputs)).parts["input_ids"]
    owned = torch.stack([plan.owner for plan in plans(found)]) >= 0
    assert (hidden[owned] == sentencepiece().mask_token_id).all()


def test_embedded_sentences():
    model = bert()
    weight = model.get_input_embeddings().weight.detach()
    found = words()
    inputs = found.embed(model)
    assert list(inputs) == ["inputs_embeds", "token_type_ids", "attention_mask"]
    assert torch.equal(inputs["inputs_embeds"], weight[found.inputs["input_ids"]])
    assert torch.equal(model(**inputs).logits, model(**found.inputs).logits)
    assert not inputs["inputs_embeds"].requires_grad
    assert found.plan(sample_of(inputs, 2), 2).owner.tolist() == OWNERS[2]
    assert found.plan(inputs["inputs_embeds"][2], 2).owner.tolist() == [[player] for player in OWNERS[2]]
    samples = Samples.of(inputs)
    owned = (torch.tensor(OWNERS) >= 0)[:, :, None]
    for name, vector in (
        ("[MASK]", weight[4]),
        ("[PAD]", weight[0]),
        ("mean", weight.double().mean(0).float()),
        ("zero", torch.zeros(16)),
        (0.5, torch.full((16,), 0.5)),
    ):
        parts = found.baselines(name, samples).parts
        assert torch.equal(parts["inputs_embeds"], torch.where(owned, vector, inputs["inputs_embeds"])), name
        attended = inputs["attention_mask"].bool() & ~(owned[:, :, 0] & (name == "[PAD]"))
        assert torch.equal(parts["attention_mask"].bool(), attended)


def test_embeddings_of_several_networks_are_told_apart():
    found, first, second = words(), bert(), bert(2)
    with torch.no_grad():
        second.get_input_embeddings().weight.add_(1)
    one, other = found.embed(first), found.embed(second)
    for inputs, model in ((one, first), (other, second), (one, first)):
        parts = found.baselines("mean", Samples.of(inputs)).parts
        mean = model.get_input_embeddings().weight.detach().mean(0)
        torch.testing.assert_close(parts["inputs_embeds"][0, 1], mean, rtol=1e-5, atol=1e-6)
    noisy = one | {"inputs_embeds": one["inputs_embeds"] + 0.1}
    assert found.plan(sample_of(noisy, 0), 0).owner.tolist() == OWNERS[0]
    with pytest.raises(
        InputError, match=r"embeddings that these Words did not make: explain what words.embed\(model\)"
    ):
        found.baselines("mean", Samples.of(noisy))
    # Of the first sentences alone, too.
    first_two = Samples.of(one).rows(0, 2)
    assert len(found.baselines("[UNK]", first_two)) == 2


def test_an_embedding_that_scales_what_it_looks_up():
    class Scaled(nn.Embedding):
        def forward(self, numbers):
            return 3 * super().forward(numbers)

    scaled = Scaled(len(VOCABULARY), 5)
    found = words()
    inputs = found.embed(scaled)
    weight = scaled.weight.detach()
    assert torch.equal(inputs["inputs_embeds"], 3 * weight[found.inputs["input_ids"]])
    parts = found.baselines("mean", Samples.of(inputs)).parts
    torch.testing.assert_close(parts["inputs_embeds"][0, 1], 3 * weight.mean(0), rtol=1e-5, atol=1e-6)


def test_other_baselines_are_left_to_others():
    samples = Samples.of(words().inputs)
    for baseline in ({"input_ids": 4}, torch.zeros(1), lambda parts: parts, True):
        assert words().baselines(baseline, samples) is None


def test_settings_tell_what_decides_the_plans():
    known = words().settings()
    for changed in (
        {"exclude": (), "n_players": 4},
        {"n_players": 3},
        {"n_players": 3, "choose": "random"},
        {"n_players": 3, "choose": "random", "seed": 1},
        {"max_length": 20},
    ):
        assert words(**changed).settings() != known
    assert Words(wordpiece(), SENTENCES[::-1], exclude=["and"]).settings() != known
    assert Words(wordpiece(), SENTENCES, exclude=("And", "and")).settings() == known
    assert words(exclude="english", n_players=2).settings()["exclude"] == "english"


SLOW = type("SlowTokenizer", (), {"is_fast": False, "__call__": lambda *_: None})()


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("bert", SENTENCES), {}, r"tokenizer='bert' is a str: pass the tokenizer itself, such as AutoTokenizer"),
        ((SLOW, SENTENCES), {}, r"SlowTokenizer cannot say which tokens .*word_ids.*use_fast=True"),
        ((wordpiece, []), {}, "sentences is empty"),
        ((wordpiece, "one text"), {}, "sentences is one text, 'one text': pass a list"),
        ((wordpiece, ["film", None]), {}, "sentence 1 is None: texts are needed"),
        ((wordpiece, SENTENCES), {"n_players": 5}, r"sentence 0 \(.Unwatchable film.*\) has 4 words.*5 were asked for"),
        ((wordpiece, SENTENCES), {"n_players": 1}, "n_players=1: an interaction needs at least 2"),
        ((wordpiece, ["... !"]), {}, "n_players=0: an interaction needs at least 2"),
        ((wordpiece, SENTENCES), {"exclude": ["film"]}, r"3 to 5 words .*fewest: sentence 0.*give n_players"),
        ((wordpiece, SENTENCES), {"exclude": "German"}, r"exclude='German' is no list of words: pass 'english'"),
        ((wordpiece, SENTENCES), {"exclude": [3]}, "exclude holds 3: words are strings"),
        ((wordpiece, SENTENCES), {"n_players": 2, "choose": "last"}, "choose='last' is not known"),
        ((wordpiece, SENTENCES), {"n_players": 2, "seed": -1}, "seed=-1 must be at least 0"),
        ((wordpiece, SENTENCES), {"max_length": 0}, "max_length=0 must be at least 1"),
        ((wordpiece, SENTENCES), {"max_length": 11}, r"sentence 0 .*has 12 tokens, and max_length=11"),
        ((wordpiece, SENTENCES), {"max_length": 25}, r"max_length=25: .*takes at most 24 \(its model_max_length\)"),
        ((wordpiece, ["film " * 30]), {}, r"sentence 0 \('film .*\.\.\.'\) has 32 tokens: .*takes at most 24"),
        ((lambda: byte_level(pads=False), SENTENCES), {}, r"no token to pad with: set tokenizer.pad_token = "),
    ],
)
def test_what_is_refused(arguments, options, message):
    make, sentences = arguments
    tokenizer = make() if callable(make) and make is not SLOW else make
    with pytest.raises(InputError, match=message):
        Words(tokenizer, sentences, **{"exclude": ["and"], **options})


def test_one_length_needs_no_padding():
    found = Words(byte_level(pads=False), ["a film", "a film"])
    assert found.inputs["attention_mask"].all()


def test_stop_words_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.feature_extraction.text", None)
    with pytest.raises(MissingExtraError, match=r"exclude='english' needs the package 'scikit-learn'"):
        words(exclude="english")


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(
    ("sample", "index", "message"),
    [
        (lambda inputs: sample_of(inputs, 1), 0, "sample 0 is not the encoding of sentence 0, .Unwatchable film"),
        (lambda inputs: inputs["input_ids"][1], 0, "sample 0 is not the encoding of sentence 0"),
        (lambda inputs: sample_of(inputs, 0), 3, "sample 3, but these Words are of 3 sentences"),
        (lambda inputs: sample_of(inputs, 0) | {"attention_mask": torch.zeros(12).long()}, 0, "is not the encoding"),
        (lambda inputs: {"input_ids": inputs["input_ids"][0][:5]}, 0, "is not the encoding"),
        (lambda inputs: {"inputs_embeds": torch.zeros(11, 16)}, 0, "is not the encoding"),
        (lambda inputs: {"tokens": inputs["input_ids"][0]}, 0, r"input_ids or inputs_embeds.*these have \['tokens'\]"),
    ],
)
def test_samples_that_are_not_these_sentences(sample, index, message):
    found = words()
    with pytest.raises(InputError, match=message):
        found.plan(sample(found.inputs), index)


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        ("mean", r"the mean of ids is no id. Explain words.embed\(model\)"),
        ("[MSK]", r"baseline='\[MSK\]' is not known; did you mean '\[MASK\]'"),
        ("zero", "baseline='zero' is not known"),
        (-1, "baseline=-1 is no id of a token: ids run from 0 to 29"),
        (30, "baseline=30 is no id of a token"),
        (1.5, "baseline=1.5 is no id"),
        (float("nan"), "baseline=nan is no id"),
        (float("inf"), "baseline=inf is no id"),
    ],
)
def test_baselines_that_ids_do_not_have(baseline, message):
    found = words()
    with pytest.raises(InputError, match=message):
        found.baselines(baseline, Samples.of(found.inputs))


def test_a_tokenizer_without_the_token():
    found = Words(byte_level(), SENTENCES, 4)
    with pytest.raises(InputError, match=r"has no mask_token: choose '\[PAD\]' or '\[UNK\]' or the id of a token"):
        found.baselines("[MASK]", Samples.of(found.inputs))
    inputs = found.embed(nn.Embedding(280, 3))
    with pytest.raises(InputError, match=r"no mask_token that the network's embedding knows: choose 'mean'"):
        found.baselines("[MASK]", Samples.of(inputs))
    with pytest.raises(InputError, match=r"baseline='man' is not known; did you mean 'mean'"):
        found.baselines("man", Samples.of(inputs))


def test_sentences_that_the_network_cannot_take():
    found, model = words(), bert()
    samples = Samples.of(found.inputs)
    found.check_model(model, samples)
    found.check_model(nn.Linear(2, 2), samples)
    model.config.max_position_embeddings = 11
    with pytest.raises(InputError, match=r"encoded as 12 tokens, and BertForSequenceClassification takes at most 11"):
        found.check_model(model, samples)
    small = nn.Embedding(20, 4)
    with pytest.raises(InputError, match=r"hold the id 28, and the network's embedding has 20 rows"):
        Words(wordpiece(), ["a must film"]).check_model(small, Samples.of(Words(wordpiece(), ["a must film"]).inputs))
    with pytest.raises(InputError, match=r"the network's embedding has 20 rows"):
        found.embed(small)
    with pytest.raises(InputError, match=r"Linear has no get_input_embeddings\(\)"):
        found.embed(nn.Linear(2, 2))
    assert N_TOKENS >= 12


def test_a_tokenizer_that_does_not_split_at_spaces():
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel({"great film": 0, "<unk>": 1}, unk_token="<unk>"))
    with pytest.raises(InputError, match=r"token 0 of sentence 0, 'great film', reaches over several words"):
        Words(PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<unk>"), ["great film"])


def test_other_players_take_one_tensor_only():
    assert not Columns(3).takes_named
    assert Columns(3).default_baseline == "mean"
    assert words().takes_named
    assert repr(words()) == "Words(3 sentences, 4 players each)"
