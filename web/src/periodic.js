// The periodic table as places: symbol -> [row, column]; the f block stands below.
const rows = [
  "H . . . . . . . . . . . . . . . . He",
  "Li Be . . . . . . . . . . B C N O F Ne",
  "Na Mg . . . . . . . . . . Al Si P S Cl Ar",
  "K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr",
  "Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe",
  "Cs Ba * Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn",
  "Fr Ra * Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og",
  ". . La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu .",
  ". . Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr .",
];
export const places = rows.flatMap((line, r) => line.split(" ").map((symbol, c) => [symbol, r, c])).filter(([s]) => s !== "." && s !== "*");

// Covalent radii, angstrom (Cordero et al., Dalton Trans. 2008, 2832), for bonds in the view of a crystal.
const radii =
  "H.31He.28Li1.28Be.96B.84C.76N.71O.66F.57Ne.58Na1.66Mg1.41Al1.21Si1.11P1.07S1.05Cl1.02Ar1.06K2.03Ca1.76Sc1.7Ti1.6V1.53Cr1.39Mn1.39Fe1.32Co1.26Ni1.24Cu1.32Zn1.22Ga1.22Ge1.2As1.19Se1.2Br1.2Kr1.16Rb2.2Sr1.95Y1.9Zr1.75Nb1.64Mo1.54Tc1.47Ru1.46Rh1.42Pd1.39Ag1.45Cd1.44In1.42Sn1.39Sb1.39Te1.38I1.39Xe1.4Cs2.44Ba2.15La2.07Ce2.04Pr2.03Nd2.01Pm1.99Sm1.98Eu1.98Gd1.96Tb1.94Dy1.92Ho1.92Er1.89Tm1.9Yb1.87Lu1.87Hf1.75Ta1.7W1.62Re1.51Os1.44Ir1.41Pt1.36Au1.36Hg1.32Tl1.45Pb1.46Bi1.48Po1.4At1.5Rn1.5Fr2.6Ra2.21Ac2.15Th2.06Pa2U1.96Np1.9Pu1.87Am1.8Cm1.69";
const radius = new Map([...radii.matchAll(/([A-Z][a-z]?)([\d.]+)/g)].map((m) => [m[1], Number(m[2])]));
export const covalentRadius = (symbol) => radius.get(symbol) ?? 1.6;
