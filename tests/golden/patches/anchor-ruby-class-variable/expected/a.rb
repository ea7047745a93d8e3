class A
  @@count = 0
  @@count += 2
end
