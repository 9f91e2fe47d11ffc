"""A model with two inputs reads a story and a question, and answers in one word.

Section 7.1.2 of Deep Learning with Python: each input has its encoder, and the
answer comes from both encodings. The stories tell where people went, as in
the bAbI tasks: "mary went to the garden john went to the office".
"""

import keras
import numpy as np

import kerasblocks as kb

PEOPLE = ["mary", "john"]
PLACES = ["garden", "office", "kitchen", "hall"]
WORDS = ["went", "to", "the", "where", "is", *PEOPLE, *PLACES]
NUMBERS = {word: number for number, word in enumerate(WORDS, start=1)}


def as_numbers(texts):
    return np.array([[NUMBERS[word] for word in text.split()] for text in texts])


def make_stories(count, rng):
    """Both go somewhere, in either order; one of them is asked for."""
    stories, questions, answers = [], [], []
    for _ in range(count):
        where = {str(person): rng.choice(PLACES) for person in rng.permutation(PEOPLE)}
        stories.append(" ".join(f"{who} went to the {where[who]}" for who in where))
        asked = rng.choice(PEOPLE)
        questions.append(f"where is {asked}")
        answers.append(PLACES.index(where[asked]))
    inputs = {"text": as_numbers(stories), "question": as_numbers(questions)}
    return inputs, np.array(answers), stories, questions


def encoder(units):
    return [keras.layers.Embedding(len(WORDS) + 1, 32), keras.layers.LSTM(units)]


def build():
    encoders = {"text": encoder(64), "question": encoder(16)}
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in encoders}
    x = kb.MultiInput(encoders)(inputs)
    x = keras.layers.Dense(64, activation="relu")(x)
    answer = keras.layers.Dense(len(PLACES), activation="softmax")(x)
    return keras.Model(inputs, answer)


def main(epochs=12, stories=3000):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    model = build()
    model.compile(
        keras.optimizers.Adam(0.02),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    x, y, _, _ = make_stories(stories, rng)
    model.fit(x, y, batch_size=64, epochs=epochs, verbose=0)
    x, y, texts, questions = make_stories(500, rng)
    _, accuracy = model.evaluate(x, y, verbose=0)
    answer = PLACES[np.argmax(model.predict(x, verbose=0)[0])]
    print(f"{texts[0]}. {questions[0]}? {answer}.")
    print(f"accuracy on new stories {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()
