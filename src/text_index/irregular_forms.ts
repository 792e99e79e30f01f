/**
 * English forms that no rule for endings takes back to their word: "went" is "go", "children" is
 * "child", and British spellings are the American ones. A form that is a common word of its own is
 * left out, as "saw", "left", "rose" and "bit" are.
 */

/** The word, then its forms. */
const FORMS = `
go went gone|buy bought|bring brought|think thought|teach taught|catch caught|fight fought|
seek sought|feel felt|keep kept|sleep slept|lose lost|meet met|feed fed|send sent|spend spent|
lend lent|build built|make made|say said|tell told|sell sold|pay paid|hear heard|hold held|
find found|stand stood|understand understood|misunderstand misunderstood|win won|get got gotten|
forget forgot forgotten|sit sat|shoot shot|begin began begun|drink drank drunk|drive drove driven|
eat ate eaten|fall fell fallen|fly flew flown|forgive forgave forgiven|freeze froze frozen|
give gave given|grow grew grown|hide hid hidden|know knew known|ride rode ridden|ring rang rung|
run ran|see seen|shake shook shaken|sing sang sung|sink sank sunk|shrink shrank shrunk|
speak spoke spoken|steal stole stolen|swim swam swum|take took taken|mistake mistook mistaken|
tear tore torn|throw threw thrown|wake woke woken|wear wore worn|write wrote written|
rewrite rewrote rewritten|break broke broken|choose chose chosen|draw drew drawn|come came|
become became|overcome overcame|blow blew blown|bite bitten|swear swore sworn|sweep swept|dig dug|
hang hung|stick stuck|strike struck|deal dealt|dream dreamt|learn learnt|spell spelt|spill spilt|
burn burnt|smell smelt|kneel knelt|leap leapt|light lit|slide slid|swing swung|sting stung|
weave wove woven|bleed bled|breed bred|creep crept|weep wept|lend lent|undergo underwent|
undertake undertook undertaken|withdraw withdrew withdrawn|arise arose arisen|bend bent|
child children|man men|woman women|foot feet|tooth teeth|mouse mice|goose geese|wife wives|
knife knives|wolf wolves|shelf shelves|thief thieves|calf calves|half halves|loaf loaves|
scarf scarves|person people|criterion criteria|phenomenon phenomena|
hypothesis hypotheses`;

/** The American spelling, then the British one, which takes the same endings. */
const SPELLINGS = `
color colour|favorite favourite|favor favour|neighbor neighbour|neighborhood neighbourhood|
honor honour|humor humour|flavor flavour|behavior behaviour|labor labour|harbor harbour|
rumor rumour|tumor tumour|center centre|theater theatre|liter litre|meter metre|fiber fibre|
gray grey|check cheque|tire tyre|pajamas pyjamas|jewelry jewellery|plow plough|airplane aeroplane|
aluminum aluminium|mom mum|catalog catalogue|dialog dialogue|pediatric paediatric|
anemia anaemia|leukemia leukaemia|hemoglobin haemoglobin|estrogen oestrogen|fetus foetus|
fetal foetal|diarrhea diarrhoea|edema oedema|organize organise|realize realise|
recognize recognise|apologize apologise|analyze analyse|characterize characterise`;

/** From each form to its word. */
export const IRREGULAR_FORMS = byForm(FORMS);
export const BRITISH_SPELLINGS = byForm(SPELLINGS);

function byForm(lines: string): ReadonlyMap<string, string> {
  return new Map(
    lines.split("|").flatMap((line) => {
      const [word = "", ...forms] = line.trim().split(" ");
      return forms.map((form): [string, string] => [form, word]);
    }),
  );
}
