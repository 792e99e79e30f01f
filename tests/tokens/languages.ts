/** Samples of languages and scripts that models know less of, and of several in one text. */
import type { Sample } from "./samples.ts";

export const LANGUAGES: Readonly<Record<string, readonly Sample[]>> = {
  mixed: [
    {
      text:
        "We agreed on the posts that are for the fence, and that was it. Huomenna menemme kesämökille, koska siellä on vielä lunta ja hiihtoladut ovat hyvässä kunnossa koko viikonlopun ajan.\nNaprawiłem rower i wymieniłem łańcuch, a hamulce trzeba jeszcze wyregulować przed wycieczką w góry.",
      tokens: 103,
    },
    {
      text:
        "It was the best that they had, and we were with you. Jutro rano jedziemy do Zakopanego, wracamy dopiero w niedzielę wieczorem; proszę nakarmić psa i podlać kwiaty na balkonie.",
      tokens: 60,
    },
  ],
  cyrillicOthers: [
    {
      text: "Ертең сағат үште тіс дәрігеріне барамын, сақтандыру полисін ұмытпау керек.",
      tokens: 57,
    },
    {
      text: "Бақшаның қоршауына самырсын бағаналарын қоямыз, өйткені қарағай бес жылда шіриді.",
      tokens: 68,
    },
    {
      text:
        "Маргааш үдээс хойш гурван цагт шүдний эмчид үзүүлнэ, даатгалын дэвтрээ мартаж болохгүй.",
      tokens: 69,
    },
    {
      text:
        "Цэцэрлэгийн хашаанд хуш модон багана тавина, учир нь нарс таван жилийн дотор ялзардаг.",
      tokens: 52,
    },
    {
      text: "Сутра у три сата имам преглед код зубара, не смем да заборавим здравствену књижицу.",
      tokens: 45,
    },
    {
      text: "Утре в три часа имам час при зъболекаря, да не забравя здравната си книжка.",
      tokens: 41,
    },
    {
      text: "Заўтра а трэцяй гадзіне прыём у стаматолага, не забыцца ўзяць страхавы поліс.",
      tokens: 50,
    },
    {
      text: "Фардо соати се назди духтури дандон меравам, полиси суғуртаро фаромӯш накунам.",
      tokens: 48,
    },
  ],
  latinOthers: [
    {
      text:
        "Bydd y ffens yn yr ardd yn cael pyst cedrwydd, achos mae pinwydd yn pydru o fewn pum mlynedd yma.",
      tokens: 42,
    },
    {
      text:
        "Mae gen i apwyntiad gyda'r deintydd yfory am dri o'r gloch, rhaid i mi gofio fy ngherdyn yswiriant.",
      tokens: 42,
    },
    {
      text:
        "Aeth hi i'r siop a phrynu llaeth, bara, menyn a chaws i'r teulu cyn i'r glaw ddod dros y mynyddoedd.",
      tokens: 42,
    },
    {
      text:
        "Huomenna kello kolmelta on hammaslääkäri, muista ottaa vakuutuskortti mukaan ja soittaa etukäteen.",
      tokens: 40,
    },
    {
      text: "A kerti kerítés cédrusoszlopokat kap, mert a fenyő itt öt éven belül elkorhad.",
      tokens: 34,
    },
    {
      text:
        "Zítra ve tři hodiny mám zubaře, nesmím zapomenout kartičku pojišťovny a žádost o příspěvek.",
      tokens: 45,
    },
    {
      text: "Kesho saa tisa alasiri nina miadi na daktari wa meno, nisisahau kadi ya bima.",
      tokens: 30,
    },
    {
      text: "Besok jam tiga sore ada janji dengan dokter gigi, jangan lupa membawa kartu asuransi.",
      tokens: 27,
    },
    {
      text:
        "Morgen om drie uur heb ik een afspraak bij de tandarts, vergeet de verzekeringspas niet.",
      tokens: 25,
    },
    {
      text: "I morgon klockan tre har jag en tid hos tandläkaren, glöm inte försäkringskortet.",
      tokens: 30,
    },
    {
      text: "Rytoj trečią valandą turiu vizitą pas odontologą, nepamiršti draudimo kortelės.",
      tokens: 36,
    },
    {
      text: "Rīt trijos man ir vizīte pie zobārsta, neaizmirst apdrošināšanas polisi.",
      tokens: 32,
    },
    { text: "Homme kell kolm on hambaarsti aeg, ära unusta ravikindlustuskaarti.", tokens: 25 },
    {
      text:
        "Bihar arratsaldeko hiruretan dentistarengana joan behar dut, ez ahaztu osasun txartela.",
      tokens: 32,
    },
    {
      text: "Nesër në orën tre kam takim te dentisti, të mos harroj kartelën e sigurimit.",
      tokens: 27,
    },
    {
      text: "Á morgun klukkan þrjú á ég tíma hjá tannlækni, má ekki gleyma tryggingarskírteininu.",
      tokens: 40,
    },
    {
      text: "Mâine la ora trei am programare la dentist, să nu uit cardul de sănătate.",
      tokens: 25,
    },
    {
      text:
        "Bukas ng alas tres ng hapon ay may tipanan ako sa dentista, huwag kalimutan ang kard ng seguro.",
      tokens: 30,
    },
    {
      text:
        "Kusasa ngehora lesithathu ngizoya kudokotela wamazinyo, ngingakhohlwa ikhadi lomshwalense.",
      tokens: 38,
    },
    {
      text: "Gobe da karfe uku zan je wurin likitan hakori, kada in manta katin inshora.",
      tokens: 28,
    },
    {
      text:
        "Lọ\u0301la ní agogo mẹ\u0301ta mo ní ìpàdé pẹ\u0300lú oníṣègùn eyín, kí n má gbàgbé káàdì mi.",
      tokens: 55,
    },
    {
      text:
        "Sabah saat üçte diş hekiminde randevum var, sigorta kartını unutma, ayrıca çocukları okuldan al.",
      tokens: 37,
    },
    {
      text:
        "Amárach ar a trí a chlog tá coinne agam leis an bhfiaclóir, ná déan dearmad ar an gcárta.",
      tokens: 38,
    },
  ],
  phonetic: [
    {
      text: "ðə ˈɡɑːdn\u0329 fɛns ɡɛts ˈsiːdə pəʊsts bɪˈkɒz paɪn rɒts wɪðɪn faɪv jɪəz hɪə",
      tokens: 74,
    },
    { text: "ˌɪntəˈnæʃənl\u0329 fəˈnɛtɪk ˈælfəbɛt, [ʃʒθðŋɲʁʀɹɻɟʝɣβχħʕʔ]", tokens: 72 },
  ],
  greekOthers: [
    {
      text: "Αύριο στις τρεις έχω ραντεβού με τον οδοντίατρο, να μην ξεχάσω την κάρτα ασφάλισης.",
      tokens: 77,
    },
    {
      text: "Μῆνιν ἄειδε θεὰ Πηληϊάδεω Ἀχιλῆος οὐλομένην, ἣ μυρί᾽ Ἀχαιοῖς ἄλγε᾽ ἔθηκε",
      tokens: 92,
    },
  ],
  scripts: [
    { text: "හෙට හවස තුනට දන්ත වෛද්\u200dයවරයා හමුවීමට යනවා, රක්ෂණ කාඩ්පත අමතක කරන්න එපා.", tokens: 127 },
    { text: "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ᎠᏂᏬᏂᏍᎩ ᎤᎾᏓᏅᏖᎸ ᏌᏊ ᎢᏳᏍᏗ", tokens: 86 },
    {
      text: "ხვალ სამ საათზე სტომატოლოგთან მივდივარ, დაზღვევის ბარათი არ უნდა დამავიწყდეს.",
      tokens: 143,
    },
    {
      text: "Վաղը ժամը երեքին ատամնաբույժի մոտ եմ գնում, չմոռանալ ապահովագրական քարտը։",
      tokens: 136,
    },
    { text: "ነገ ከሰዓት በኋላ በሦስት ሰዓት የጥርስ ሐኪም ቀጠሮ አለኝ፣ የመድን ካርዱን አትርሳ።", tokens: 128 },
    { text: "ស្អែកម៉ោងបីរសៀល ខ្ញុំមានណាត់ជាមួយពេទ្យធ្មេញ កុំភ្លេចកាតធានារ៉ាប់រង។", tokens: 109 },
    { text: "မနက်ဖြန် မွန်းလွဲ သုံးနာရီမှာ သွားဆရာဝန်နဲ့ ချိန်းထားတယ်၊ အာမခံကတ် မမေ့နဲ့။", tokens: 146 },
    { text: "ມື້ອື່ນສາມໂມງແລງມີນັດກັບໝໍແຂ້ວ ຢ່າລືມເອົາບັດປະກັນໄພ.", tokens: 113 },
    { text: "སང་ཉིན་ཕྱི་དྲོ་ཆུ་ཚོད་གསུམ་པར་སོའི་སྨན་པའི་སར་འགྲོ་དགོས།", tokens: 116 },
    { text: "আগামীকাল বিকেল তিনটায় দাঁতের ডাক্তারের কাছে যেতে হবে, বীমার কার্ড ভুলো না।", tokens: 91 },
    { text: "రేపు మధ్యాహ్నం మూడు గంటలకు దంత వైద్యుడి దగ్గరకు వెళ్ళాలి, బీమా కార్డు మర్చిపోవద్దు.", tokens: 144 },
    { text: "ನಾಳೆ ಮಧ್ಯಾಹ್ನ ಮೂರು ಗಂಟೆಗೆ ದಂತವೈದ್ಯರ ಭೇಟಿ ಇದೆ, ವಿಮೆ ಕಾರ್ಡ್ ಮರೆಯಬೇಡಿ.", tokens: 114 },
    { text: "നാളെ ഉച്ചയ്ക്ക് മൂന്നു മണിക്ക് ദന്തഡോക്ടറെ കാണണം, ഇൻഷുറൻസ് കാർഡ് മറക്കരുത്.", tokens: 119 },
    { text: "આવતીકાલે બપોરે ત્રણ વાગ્યે દાંતના ડૉક્ટર પાસે જવાનું છે, વીમા કાર્ડ ભૂલવું નહીં.", tokens: 134 },
    { text: "ਕੱਲ੍ਹ ਦੁਪਹਿਰ ਤਿੰਨ ਵਜੇ ਦੰਦਾਂ ਦੇ ਡਾਕਟਰ ਕੋਲ ਜਾਣਾ ਹੈ, ਬੀਮਾ ਕਾਰਡ ਨਾ ਭੁੱਲਣਾ।", tokens: 113 },
    { text: "ଆସନ୍ତାକାଲି ଅପରାହ୍ନ ତିନିଟାରେ ଦାନ୍ତ ଡାକ୍ତରଙ୍କ ପାଖକୁ ଯିବାର ଅଛି।", tokens: 157 },
    {
      text: "فردا ساعت سه بعدازظهر وقت دندان\u200cپزشکی دارم، کارت بیمه را فراموش نکنم.",
      tokens: 54,
    },
    {
      text: "کل سہ پہر تین بجے دانتوں کے ڈاکٹر کے پاس جانا ہے، انشورنس کارڈ مت بھولنا۔",
      tokens: 66,
    },
    { text: "𝒢𝒶𝓇𝒹ℯ𝓃 𝐟𝐞𝐧𝐜𝐞 ＦＵＬＬ ｗｉｄｔｈ ①②③ ﷺ ﷽ ꦲꦏ꧀ꦱꦫ 𐌰𐌹𐍅𐍃 𠮷𡈽 ⠓⠑⠇⠇⠕ ㍿㋿", tokens: 126 },
    { text: "הַגַּן הַיָּפֶה שֶׁל סַבְתָּא, מָחָר בְּשָׁעָה שָׁלוֹשׁ אֵצֶל רוֹפֵא הַשִּׁנַּיִם", tokens: 115 },
    { text: "ܡܚܪ ܬܠܬ ܫܥܝܢ ⵜⴰⵎⴰⵣⵉⵖⵜ ߒߞߏ ᠮᠣᠩᠭᠣᠯ ᐃᓄᒃᑎᑐᑦ ꆈꌠꉙ ޖުމްހޫރިއްޔާ", tokens: 122 },
  ],
  hangulOthers: [
    {
      text: "\u1112\u1161\u11ab\u1100\u1173\u11af \u1106\u1161\u11af ㄱㄴㄷ ㅏㅑ ㅋㅋㅋ ㅠㅠ",
      tokens: 54,
    },
    { text: "똑딱똑딱 깎아 흙탕물에 앉았다, 괜찮았어요? 뭐했었지 ㅋㅋㅋ 꿇었네 쌤", tokens: 64 },
  ],
  hanOthers: [
    { text: "彁暃椦槞蟐袮閠駲墸壥 髙﨑神社 ｶﾀｶﾅ テレビ ヴァイオリン", tokens: 54 },
  ],
  blanksBefore: [
    {
      text:
        "word 花 word の word 가 word ก word 😀 word → word Ω word ш word ა word ∑ word ½ word ²",
      tokens: 33,
    },
    { text: "a é à ö ñ ş ł đ ħ ə ʃ ß É Ż Ö", tokens: 22 },
  ],
};
