/** What a command cannot do, in the words that its documentation gives for it: the model reads them. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}
